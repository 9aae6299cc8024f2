"""The command `jaxgan`: thin; each sub-command is one file."""
