from __future__ import annotations

import io
import json
import logging
import time

import pytest

from vaultcore.telemetry import HIDDEN, TALKATIVE, Log, redact

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
def test_what_looks_like_a_key_is_hidden(key: str, text: str) -> None:
    """Keys of the usual shapes are hidden wherever they stand in a text, masked ones as well."""
    shown = redact(text.format(key, key))

    assert key not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(
    "text", ["I've lost 5 tasks-for-today", "ask-me-anything", "a skill-based vg_x", "via va-banque"]
)
def test_words_stay(text: str) -> None:
    """Ordinary words that resemble a key's beginning are left alone."""
    assert redact(text) == text


def test_keys_in_use_are_hidden_whatever_their_shape() -> None:
    """A key that is in use is hidden without looking like one, control characters inside it or not."""
    assert redact("the opensesame99 key, open\x00sesame99", "opensesame99") == f"the {HIDDEN} key, {HIDDEN}"


def test_control_characters_and_length() -> None:
    """A text is one line of at most 500 characters that a terminal and a log can show."""
    shown = redact("a\x1b[31mb\r\nc\u202ed\u200be" + "x" * 9_000)

    assert shown.startswith("a[31mb  cdex")
    assert len(shown) == 500


@pytest.mark.parametrize(
    "piece", ["sk-", "sk-sk-", "Bearer ", "Bearer sk-", "v", "ve-0123", "AIza", "a", "vg_-"]
)
def test_redaction_takes_linear_time(piece: str) -> None:
    """No text makes redaction slow."""
    text = piece * (200_000 // len(piece))
    began = time.process_time()
    redact(text)

    assert time.process_time() - began < 0.5


def test_a_line_is_json_of_facts(lines: io.StringIO) -> None:
    """An event is one line of JSON with the facts given, redacted."""
    Log().attempt(provider="openai", status=401, reason="quoted sk-abcdefghijkl", ms=1.5, key_id=None)
    Log().request(status=200)

    attempt, request = (json.loads(line) for line in lines.getvalue().splitlines())
    assert (
        attempt.items()
        >= {"event": "attempt", "level": "WARNING", "provider": "openai", "status": 401}.items()
    )
    assert attempt["reason"] == f"quoted {HIDDEN}"
    assert request["event"] == "request"


@pytest.mark.parametrize("name", TALKATIVE)
def test_talkative_libraries_are_held_back(lines: io.StringIO, name: str) -> None:
    """Libraries that log addresses or headers below WARNING stay silent even when our own level is DEBUG."""
    logging.getLogger(name).info("Authorization: Bearer abcdefgh")
    logging.getLogger(name + ".child").debug("SecretString")
    logging.getLogger(name).warning("careful: Bearer abcdefgh")

    (line,) = (json.loads(text) for text in lines.getvalue().splitlines())
    assert line["event"] == f"careful: {HIDDEN}"
    assert line["logger"] == name


def test_an_exception_is_told_by_its_class(lines: io.StringIO) -> None:
    """A traceback is never logged: its text may quote what was being worked on."""
    try:
        int("marker of a secret")
    except ValueError:
        logging.getLogger("somebody").exception("it went wrong")

    assert "marker" not in lines.getvalue()
    assert json.loads(lines.getvalue())["exception"] == "ValueError"
