"""HTTP/1.1 to providers: one connection with its exchange, and the pool of connections."""
