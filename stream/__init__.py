"""The log and the workers that read it."""
