"""What is in ClickHouse: tables, views, and the adapter that reads and writes them."""
