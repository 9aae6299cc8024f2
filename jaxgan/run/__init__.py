"""A run and its folder: what it holds, how it is read, how a run is put together."""
