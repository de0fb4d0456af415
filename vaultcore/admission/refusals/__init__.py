"""Requests that the gateway itself refuses: their rows and sums in the store, and refusals from memory."""
