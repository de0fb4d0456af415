"""Redacts text from clients and providers before it is shown or logged.

The result is one line of limited length, without control characters and without anything like a key.
"""

from __future__ import annotations

import re

MAX_TEXT = 500  # characters
REDACTED = "[redacted]"

# Each alternative is a literal and one run of characters, so matching is linear on any input.
# Masked keys (sk-ab***yz) match as well.
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
_TRANSLATION = {**dict.fromkeys((*_CONTROLS, *_INVISIBLE), ""), **dict.fromkeys((9, 10, 13), " ")}


def redact(text: str, *keys: str, limit: int = MAX_TEXT) -> str:
    """Return the text without control characters, `keys` and strings that look like keys.

    Text longer than `limit` characters is cut and ends in an ellipsis.
    """
    result = text if text.isascii() and text.isprintable() else text.translate(_TRANSLATION)
    for key in keys:
        if key:
            result = result.replace(key, REDACTED)
    result = _KEY.sub(REDACTED, result)
    return result if len(result) <= limit else result[: limit - 1] + "…"


def is_clean(line: str) -> bool:
    """Return True if `redact` would change no part of a line of JSON: then it need not be called for each."""
    is_plain = len(line) <= MAX_TEXT and line.isascii() and line.isprintable() and "\\" not in line
    return is_plain and _KEY.search(line) is None
