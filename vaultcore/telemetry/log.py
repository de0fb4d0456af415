"""One JSON log line per event, with everything redacted that came from outside.

Lines carry ids and counts, never prompts, keys or bodies. Libraries that log addresses, headers or
secrets are held at WARNING whatever our own level is.
"""

from __future__ import annotations

import json
import logging
from typing import TextIO

from vaultcore.telemetry.redaction import redact

Fact = str | int | float | bool | None

LOGGER = "vaultedge"
TALKATIVE = (
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

    def request(self, **facts: Fact) -> None:
        """A request came to its end, well or not."""
        self._logger.info("request", extra={"facts": facts})

    def attempt(self, **facts: Fact) -> None:
        """An attempt at a provider failed."""
        self._logger.warning("attempt", extra={"facts": facts})

    def trouble(self, message: str, **facts: Fact) -> None:
        """Something is wrong that no client is told."""
        self._logger.error(message, extra={"facts": facts})


def configure(level: str, stream: TextIO) -> Log:
    """Send all logging of this process to a stream as JSON lines; what was set up before is replaced."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(max(logging.WARNING, logging.getLevelName(level)))
        logger.handlers.clear()
        logger.propagate = True
    return Log()


class JsonLines(logging.Formatter):
    """A record as one line of JSON, redacted. Of an exception only the class is told: messages may quote."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Fact] = {
            "time": round(record.created, 3),
            "level": record.levelname,
            "event": redact(record.getMessage()),
        }
        if record.name != LOGGER:
            line["logger"] = record.name
        facts: dict[str, Fact] = getattr(record, "facts", {})
        for name, fact in facts.items():
            line[name] = redact(fact) if isinstance(fact, str) else fact
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
        return _encode(line)


# Made once: json.dumps makes an encoder for every line where it is told how.
_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), default=lambda value: type(value).__name__
).encode
