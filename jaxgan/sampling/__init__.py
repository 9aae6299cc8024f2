"""Samples of a trained game: drawn, shown, explored."""
