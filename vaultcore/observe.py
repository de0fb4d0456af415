"""What may be said aloud: redaction of everything that came from outside, and one JSON log line per event.

Lines carry ids and counts, never prompts, keys or bodies. Libraries that log addresses, headers or
secrets are held at WARNING whatever our own level is.
"""

from __future__ import annotations

import json
import logging
import re
from typing import TextIO

Fact = str | int | float | bool | None

MAX_TEXT = 500  # characters of a provider's message that are shown
HIDDEN = "[redacted]"
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

# Each alternative is a literal and one run of characters: linear on any input. sk-ab***yz counts too.
_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|xai|csk|pplx|nvapi)-[\w.*…•-]{6,}"
    r"|(?:gsk|hf|r8|fw|tgp_v1|ghp|gho|github_pat|vg)_[\w.*…•-]{8,}"
    r"|AIza[\w*-]{10,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{12,}"
    r"|v[eap]-[0-9a-f]{16,}"
    r"|VE_VAULT_v[\w+/=]{8,}"
    r"|[Bb]earer [^\s\"',;]{6,}"
    r")"
)
_CONTROLS = (*range(32), *range(127, 160))
_INVISIBLE = (*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF)
_UNSEEN = {**dict.fromkeys((*_CONTROLS, *_INVISIBLE), ""), **dict.fromkeys((9, 10, 13), " ")}


def redact(text: str, *keys: str, limit: int = MAX_TEXT) -> str:
    """A text of somebody else's without control characters, these keys and what looks like one, capped."""
    seen = text if text.isascii() and text.isprintable() else text.translate(_UNSEEN)
    for key in keys:
        if key:
            seen = seen.replace(key, HIDDEN)
    seen = _KEY.sub(HIDDEN, seen)
    return seen if len(seen) <= limit else seen[: limit - 1] + "…"


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
        line |= {name: redact(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
        return json.dumps(
            line, ensure_ascii=False, separators=(",", ":"), default=lambda value: type(value).__name__
        )
