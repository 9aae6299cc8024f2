"""The contracts, and what every part of the library is made of."""
