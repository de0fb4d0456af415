"""Generates passwords for vault strings, and rates passwords when a vault is sealed.

Opening a vault accepts any password.
"""

from __future__ import annotations

import re
import secrets

MIN_LENGTH = 12  # characters
_MIN_SCORE = 10  # unpredictable characters, see _score
# Without 0, O, 1, l and o, which are easily confused.
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_GROUPS, _GROUP = 4, 6  # 24 characters of 56: 139 bits
_WORDS = """
abc123 access account admin administrator april august baseball batman changeme computer december default
dragon february flower football friday gateway hello hunter iloveyou january jesus july june killer lambda
letmein login love march master michael monday monkey november october openai passphrase passwd passwort
password pass princess qazwsx root saturday secret september shadow spring starwars summer sunday sunshine
superman system test thursday trustno tuesday vaultedge vault wednesday welcome whatever winter autumn zaq
"""
_WORD = re.compile("|".join(("(?:19|20)[0-9]{2}", *sorted(_WORDS.split(), key=len, reverse=True))))
_ROWS = (
    "0123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "qwertzuiop",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
)
_PLAIN = str.maketrans("0134578@$!", "oieastbasi")


def generate() -> str:
    """Return a random password of 139 bits, in four groups: `aB3d5f-…`."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def weakness(password: str) -> str | None:
    """Return why a password is too weak to seal a vault with, or None."""
    if len(password) < MIN_LENGTH:
        return f"it has fewer than {MIN_LENGTH} characters"
    if len(set(password)) < 5:
        return "it repeats fewer than 5 different characters"
    if _score(password) < _MIN_SCORE:
        return "it consists of common words and sequences, which attackers try first"
    return None


def _score(password: str) -> int:
    """Return roughly how many characters an attacker must guess.

    A common word or a sequence counts as 2 characters, a repetition as 0.
    """
    folded = _collapse_repeats(password.casefold())
    return min(_count_unpredictable(folded), _count_unpredictable(folded.translate(_PLAIN)))


def _count_unpredictable(text: str) -> int:
    remainder, words = _WORD.subn("\0", text)
    parts = [_count_without_sequences(part) for part in remainder.split("\0")]
    return sum(parts) + 2 * words


def _count_without_sequences(text: str) -> int:
    """Return the length, with every run of four or more along a row counted as 2."""
    score = start = 0
    while start < len(text):
        run = _run(text[start:])
        score += 2 if run >= 4 else 1
        start += run if run >= 4 else 1
    return score


def _run(text: str) -> int:
    """Return how many leading characters follow a keyboard row or the alphabet, in either direction."""
    rows = [*_ROWS, *(row[::-1] for row in _ROWS)]
    longest = 1
    for size in range(2, len(text) + 1):
        if not any(text[:size] in row for row in rows):
            break
        longest = size
    return longest


def _collapse_repeats(text: str) -> str:
    """Return the repeated unit of a text that consists of one (`abcabcabc`), else the text."""
    for size in range(1, len(text) // 2 + 1):
        if (text[:size] * (len(text) // size + 1))[: len(text)] == text:
            return text[:size]
    return text
