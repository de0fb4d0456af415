"""Who calls, and whether limits allow it: authentication, reservation before a call, settlement after it."""
