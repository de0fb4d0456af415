"""HTTP/1.1 to providers on h11: one connection, one exchange, and the pool of connections."""
