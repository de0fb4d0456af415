"""What of somebody else's text may be shown: one line without control characters, without keys, and short."""

from __future__ import annotations

import re

MAX_TEXT = 500  # characters of a provider's message that are shown
HIDDEN = "[redacted]"

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
