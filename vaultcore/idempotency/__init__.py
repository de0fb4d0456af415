"""Repeated requests with one `Idempotency-Key`: claims on a key, and the encrypted answer."""
