"""Keeps opened keys out of core dumps and out of reach of this user's debuggers."""

from __future__ import annotations

import sys

PR_SET_DUMPABLE = 4  # <linux/prctl.h>


def refuse_dumps() -> None:
    """No core file, and on Linux no ptrace and no /proc/PID/environ or /mem for other processes."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
