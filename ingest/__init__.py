"""Takes touchpoints in over HTTP: authenticates, decodes, judges each item, normalises, appends to the log, answers."""
