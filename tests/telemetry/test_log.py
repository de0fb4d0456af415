from __future__ import annotations

import io
import json
import logging
import time

import pytest

from vaultcore.telemetry import NOISY_LOGGERS, REDACTED, Log, redact
from vaultcore.telemetry.log import encode_line

KEYS = [
    "sk-proj-abcdefghijklmnop",
    "sk-ant-api03-AbC_def-123",
    "sk-ab********************yz12",
    "gsk_abcdefghijklmnop",
    "AIzaSyA-1234567890abcdef",
    "xai-abcdefghijklmnop",
    "ve-0123456789abcdef0123456789abcdef01234567",
    "va-0123456789abcdef0123456789abcdef01234567",
    "vg_abcdefghijklmnopqrstuvwxyz0123456789ABCD",
    "Bearer abcdefgh",
    "bearer abcdefgh",
    "VE_VAULT_v1_AAAABBBBCCCC",
    "AKIAIOSFODNN7EXAMPLE",
    "hf_abcdefghijkl",
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("text", ["{}", "Incorrect API key provided: {}.", '{{"key":"{}"}}', "({}, x={})"])
def test_strings_that_look_like_keys_are_redacted(key: str, text: str) -> None:
    """Keys of common formats are redacted anywhere in a text, including masked keys."""
    redacted = redact(text.format(key, key))

    assert key not in redacted
    assert REDACTED in redacted


@pytest.mark.parametrize(
    "text", ["I've lost 5 tasks-for-today", "ask-me-anything", "a skill-based vg_x", "via va-banque"]
)
def test_words_are_not_redacted(text: str) -> None:
    """Words that resemble the prefix of a key are not redacted."""
    assert redact(text) == text


def test_given_keys_are_redacted_in_any_format() -> None:
    """A given key is redacted in any format, even with control characters inside."""
    assert (
        redact("the opensesame99 key, open\x00sesame99", "opensesame99") == f"the {REDACTED} key, {REDACTED}"
    )


def test_control_characters_and_length() -> None:
    """The result is one printable line of at most 500 characters."""
    redacted = redact("a\x1b[31mb\r\nc\u202ed\u200be" + "x" * 9_000)

    assert redacted.startswith("a[31mb  cdex")
    assert len(redacted) == 500


@pytest.mark.parametrize(
    "piece", ["sk-", "sk-sk-", "Bearer ", "Bearer sk-", "v", "ve-0123", "AIza", "a", "vg_-"]
)
def test_redaction_takes_linear_time(piece: str) -> None:
    """Redaction takes linear time for any text."""
    text = piece * (200_000 // len(piece))
    start = time.process_time()
    redact(text)

    assert time.process_time() - start < 0.5


def test_an_event_is_one_line_of_json(lines: io.StringIO) -> None:
    """An event is one line of JSON with its fields, redacted."""
    Log().attempt(provider="openai", status=401, reason="quoted sk-abcdefghijkl", ms=1.5, key_id=None)
    Log().request(status=200)

    attempt, request = (json.loads(line) for line in lines.getvalue().splitlines())
    assert (
        attempt.items()
        >= {"event": "attempt", "level": "WARNING", "provider": "openai", "status": 401}.items()
    )
    assert attempt["reason"] == f"quoted {REDACTED}"
    assert request["event"] == "request"


@pytest.mark.parametrize("name", NOISY_LOGGERS)
def test_noisy_libraries_log_warnings_only(lines: io.StringIO, name: str) -> None:
    """Libraries that log addresses or headers log only from WARNING, even at the level DEBUG."""
    logging.getLogger(name).info("Authorization: Bearer abcdefgh")
    logging.getLogger(name + ".child").debug("SecretString")
    logging.getLogger(name).warning("careful: Bearer abcdefgh")

    (line,) = (json.loads(text) for text in lines.getvalue().splitlines())
    assert line["event"] == f"careful: {REDACTED}"
    assert line["logger"] == name


def test_exceptions_are_logged_by_class(lines: io.StringIO) -> None:
    """Tracebacks are never logged, because their text may quote data."""
    try:
        int("marker of a secret")
    except ValueError:
        logging.getLogger("somebody").exception("it went wrong")

    assert "marker" not in lines.getvalue()
    assert json.loads(lines.getvalue())["exception"] == "ValueError"


def test_a_line_fits_into_one_write_to_a_pipe() -> None:
    """Long texts are cut further in a line of 4 kB or more: processes that share a pipe write whole lines."""
    text = "\N{GRINNING FACE}" * 900
    line = encode_line(0.0, logging.INFO, "request", {f"field_{n}": text for n in range(9)})

    assert len(line.encode()) < 4_096
    assert json.loads(line)["field_8"].startswith(text[:70])
