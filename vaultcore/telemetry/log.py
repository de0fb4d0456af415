"""Logs one JSON line per event. Text from clients and providers is redacted.

Lines contain ids and counts, never prompts, keys or bodies. Some libraries log URLs, headers or secrets at
INFO and DEBUG; they log at WARNING or above, whatever the level of the gateway is.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import TextIO

from vaultcore.telemetry.redaction import MAX_TEXT, is_clean, redact

ATOMIC = 4_096  # bytes that a pipe takes in one piece if several processes write to it: PIPE_BUF of Linux
SHORT = 80  # characters of each text in a line that would be longer

LogValue = str | int | float | bool | None

LOGGER = "vaultedge"
NOISY_LOGGERS = (
    "aiohttp",
    "asyncio",
    "boto3",
    "botocore",
    "hpack",
    "httpcore",
    "httpx",
    "s3transfer",
    "urllib3",
    "uvicorn.access",
)


class Log:
    """One JSON line per request and per failed attempt."""

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger(LOGGER)

    def request(self, **fields: LogValue) -> None:
        """Log a request that succeeded or failed."""
        self._log(logging.INFO, "request", fields)

    def attempt(self, **fields: LogValue) -> None:
        """Log a failed attempt at a provider."""
        self._log(logging.WARNING, "attempt", fields)

    def error(self, message: str, **fields: LogValue) -> None:
        """Log a failure that no response reports."""
        self._log(logging.ERROR, message, fields)

    def _log(self, level: int, event: str, fields: Mapping[str, LogValue]) -> None:
        match logging.root.handlers:
            case [LineHandler() as handler]:  # without a LogRecord: 5 Python calls in place of 25
                if self._logger.isEnabledFor(level):
                    handler.write_line(encode_line(time.time(), level, event, fields))
            case _:
                self._logger.log(level, event, extra={"fields": fields})


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes JSON lines to a stream, each with its end in one write: processes may share the stream."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.setFormatter(JsonLines())

    def write_line(self, line: str) -> None:
        """Write a line at once. A log that cannot be written must not fail a request."""
        try:
            self.stream.write(line + self.terminator)
            self.stream.flush()
        except (OSError, ValueError):
            pass


def configure(level: str, stream: TextIO) -> Log:
    """Send all logging of this process to `stream` as JSON lines, in place of earlier handlers."""
    root = logging.getLogger()
    root.handlers[:] = [LineHandler(stream)]
    root.setLevel(level)
    for name in NOISY_LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(max(logging.WARNING, logging.getLevelName(level)))
        logger.handlers.clear()
        logger.propagate = True
    return Log()


def encode_line(at: float, level: int, event: str, fields: Mapping[str, LogValue]) -> str:
    """Return a line of redacted JSON. `at` is in seconds since the epoch."""
    line = {"time": round(at, 3), "level": logging.getLevelName(level), "event": event, **fields}
    encoded = _encode(line)
    if is_clean(encoded):
        return encoded
    encoded = _redacted(line, MAX_TEXT)
    return encoded if len(encoded.encode()) < ATOMIC else _redacted(line, SHORT)


def _redacted(line: Mapping[str, LogValue], limit: int) -> str:
    return _encode(
        {
            name: redact(value, limit=limit) if isinstance(value, str) else value
            for name, value in line.items()
        }
    )


class JsonLines(logging.Formatter):
    """Formats a record as one line of redacted JSON. Exceptions appear by class only: messages may quote."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, LogValue] = {} if record.name == LOGGER else {"logger": record.name}
        fields |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            fields["exception"] = record.exc_info[0].__name__
        return encode_line(record.created, record.levelno, record.getMessage(), fields)


# json.dumps would create an encoder for every line when it gets options.
_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), default=lambda value: type(value).__name__
).encode
