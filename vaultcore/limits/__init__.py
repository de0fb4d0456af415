"""Virtual keys, their limits, and the arithmetic of reservations. Pure: no clock, no store, no randomness."""
