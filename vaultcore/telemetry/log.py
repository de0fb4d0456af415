"""Logs one JSON line per event. Text from clients and providers is redacted.

Lines contain ids and counts, never prompts, keys or bodies. Some libraries log URLs, headers or secrets at
INFO and DEBUG; they log at WARNING or above, whatever the level of the gateway is.
"""

from __future__ import annotations

import json
import logging
from typing import TextIO

from vaultcore.telemetry.redaction import redact

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
        self._logger.info("request", extra={"fields": fields})

    def attempt(self, **fields: LogValue) -> None:
        """Log a failed attempt at a provider."""
        self._logger.warning("attempt", extra={"fields": fields})

    def error(self, message: str, **fields: LogValue) -> None:
        """Log a failure that no response reports."""
        self._logger.error(message, extra={"fields": fields})


def configure(level: str, stream: TextIO) -> Log:
    """Send all logging of this process to `stream` as JSON lines, in place of earlier handlers."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in NOISY_LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(max(logging.WARNING, logging.getLevelName(level)))
        logger.handlers.clear()
        logger.propagate = True
    return Log()


class JsonLines(logging.Formatter):
    """Formats a record as one line of redacted JSON. Exceptions appear by class only: messages may quote."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, LogValue] = {
            "time": round(record.created, 3),
            "level": record.levelname,
            "event": redact(record.getMessage()),
        }
        if record.name != LOGGER:
            line["logger"] = record.name
        fields: dict[str, LogValue] = getattr(record, "fields", {})
        for name, value in fields.items():
            line[name] = redact(value) if isinstance(value, str) else value
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
        return _encode(line)


# json.dumps would create an encoder for every line when it gets options.
_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), default=lambda value: type(value).__name__
).encode
