"""Usage of a request: estimated before it, counted after it, priced, and recorded."""
