"""The log between ingest and the workers."""
