"""Everything that reads a config: what it may say, and the objects that it names."""
