"""Who may use how much of what: virtual keys, their limits, and the arithmetic of both. Pure."""
