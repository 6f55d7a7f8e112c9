"""chdb behind the ClickHouse HTTP interface: the store of one machine, a process of its own."""
