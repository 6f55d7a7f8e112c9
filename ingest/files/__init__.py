"""Files: what a mapping says of their columns, and what becomes of their lines and rows."""
