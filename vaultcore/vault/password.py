"""Passwords for vault strings: made here, or checked when a vault is made; never when one is opened."""

from __future__ import annotations

import re
import secrets

SHORTEST = 12
_ENOUGH = 10  # characters that are left once what everybody tries first counts little
_ALPHABET = (
    "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without 0 O 1 l and o: read over a phone
)
_GROUPS, _GROUP = 4, 6  # 24 of 56 signs: 139 bits
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
    """A fresh password of 139 bits, in four groups."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def weakness(password: str) -> str | None:
    """Why a vault should not be sealed with that password, or None."""
    if len(password) < SHORTEST:
        return f"it has fewer than {SHORTEST} characters"
    if len(set(password)) < 5:
        return "it repeats a few characters"
    if _worth(password) < _ENOUGH:
        return "it is made of words and sequences that everybody tries first"
    return None


def _worth(password: str) -> int:
    """How many characters there are to guess, roughly: a common word or a sequence counts 2, a repeat 0."""
    folded = _unrepeated(password.casefold())
    return min(_left(folded), _left(folded.translate(_PLAIN)))


def _left(text: str) -> int:
    unworded, words = _WORD.subn("\0", text)
    parts = [_unsequenced(part) for part in unworded.split("\0")]
    return sum(parts) + 2 * words


def _unsequenced(text: str) -> int:
    """The length with every run of four or more along a row counted as 2."""
    worth = start = 0
    while start < len(text):
        run = _run(text[start:])
        worth += 2 if run >= 4 else 1
        start += run if run >= 4 else 1
    return worth


def _run(text: str) -> int:
    """How many characters at the start follow a keyboard row or an alphabet, either way."""
    rows = [*_ROWS, *(row[::-1] for row in _ROWS)]
    longest = 1
    for size in range(2, len(text) + 1):
        if not any(text[:size] in row for row in rows):
            break
        longest = size
    return longest


def _unrepeated(text: str) -> str:
    """The text with a unit that fills it, over and over, written once."""
    for size in range(1, len(text) // 2 + 1):
        if (text[:size] * (len(text) // size + 1))[: len(text)] == text:
            return text[:size]
    return text
