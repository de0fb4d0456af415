"""What an operator sets and who set it: virtual keys, limit policies, routes, the audit log."""
