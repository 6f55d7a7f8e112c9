"""The composition root: settings, command line, supervisor."""
