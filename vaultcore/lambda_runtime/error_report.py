"""Error reports for Lambda: the type of an exception and where it was raised, never its text.

An exception's text may quote a request; the operator needs the place. Reports are short, because the Runtime
API drops the connection when trailers exceed 4 KiB.
"""

from __future__ import annotations

import base64
import json
import re
import traceback
from pathlib import PurePath

from vaultcore.lazy_dataclass import dataclass

MAX_TEXT = 512  # characters; keeps the report under 1 KiB in base64
DEPTH = 4  # innermost frames reported


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """An error report, as the body of `POST .../error` or as the trailers of a stream."""

    type: str
    message: str

    @property
    def body(self) -> bytes:
        report = {"errorType": self.type, "errorMessage": self.message, "stackTrace": []}
        return json.dumps(report).encode()

    @property
    def trailers(self) -> dict[str, str]:
        return {ERROR_TYPE: self.type, ERROR_BODY: base64.b64encode(self.body).decode()}


ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
ERROR_BODY = "Lambda-Runtime-Function-Error-Body"


def report_exception(error: BaseException) -> ErrorReport:
    """Return the report of an exception that the application raised."""
    return build_report(type(error).__name__, f"raised at {_raised_at(error)}")


def build_report(type: str, message: str) -> ErrorReport:
    """Return a report, shortened and limited to characters that are valid in headers and log lines."""
    printable = message.encode("ascii", "replace").decode()
    return ErrorReport(
        type=re.sub(r"[^A-Za-z0-9._]", "_", type)[:64] or "Error",
        message="".join(c if c.isprintable() else " " for c in printable)[:MAX_TEXT],
    )


def _raised_at(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-DEPTH:]
    return " < ".join(
        f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)
    )
