"""How a failure is told to Lambda: its type and its place, never its text.

An exception's text may quote a request; where it was raised is what the operator needs. All of it is kept
short: the Runtime API drops the connection when trailers pass 4 KiB.
"""

from __future__ import annotations

import base64
import json
import re
import traceback
from dataclasses import dataclass
from pathlib import PurePath

MAX_TEXT = 512  # characters, so that the whole in base64 stays under 1 KiB
DEPTH = 4  # innermost frames told


@dataclass(frozen=True, slots=True)
class Failure:
    """An error report, ready for `POST .../error` or for the trailers of a stream."""

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


def failure(error: BaseException) -> Failure:
    """What may be told of an exception that came out of the application."""
    return told(type(error).__name__, f"raised at {_place(error)}")


def told(type: str, message: str) -> Failure:
    """A failure in our own words, cut to size and to characters that a header and a log line may hold."""
    printable = message.encode("ascii", "replace").decode()
    return Failure(
        type=re.sub(r"[^A-Za-z0-9._]", "_", type)[:64] or "Error",
        message="".join(c if c.isprintable() else " " for c in printable)[:MAX_TEXT],
    )


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-DEPTH:]
    return " < ".join(
        f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)
    )
