"""A folder in which files appear, and what becomes of them."""
