"""The client's error for an exception that nobody expected, and the place of that exception for the log."""

from __future__ import annotations

from vaultcore.errors import GatewayError


def internal_error(request_id: str) -> GatewayError:
    """Return the error of a request that failed because of a bug. It quotes nothing of the exception."""
    return GatewayError(f"internal error; see the log for request ID {request_id}")


def location(error: BaseException) -> str:
    """Return module and line of the exception; its message may contain what must not be logged."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
