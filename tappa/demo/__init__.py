"""Sample data: a shop that never was."""
