"""Settlements that the store did not accept. Memory and a journal keep them until they are charged."""
