"""Which candidates a call tries, in which order, and what follows a failure. Nothing here does I/O."""
