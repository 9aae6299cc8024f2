"""Adversarial objectives, beyond what the table in tests/contracts says of all."""
