"""Files of touchpoints, sent to ingest as any other sender would."""
