"""Settings that operators change at run time: virtual keys, limit policies, routes, and their audit log."""
