"""Splits JavaScript into code, comments, strings and regular expressions (ECMA-262, section 12)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

Kind = Literal[
    "code", "comment", "text"
]  # text: a string, template or regular expression with its delimiters

TOKEN = re.compile(
    r"(?P<code>[^\"'`/{}]+|[{}])|(?P<comment>//[^\n]*|/\*[\s\S]*?\*/)"
    r"|(?P<text>\"(?:[^\"\\\n]|\\[\s\S])*\"|'(?:[^'\\\n]|\\[\s\S])*')|(?P<open>`)|(?P<slash>/)"
)
TEMPLATE = re.compile(r"(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?P<end>`|\$\{)")
REGEX = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
# After a value a slash is a division. After a closing parenthesis or brace it is treated as one, because no
# statement in these sources starts with a regular expression.
VALUE = re.compile(r"(?:[\w$)\]}\"'`]|\+\+|--)$")
WORD = re.compile(
    r"(?<![\w$.])(?:await|case|delete|do|else|in|instanceof|new|of|return|throw|typeof|void|yield)$"
)
LICENCE = re.compile(r"@license|Copyright")


class ScriptSyntaxError(ValueError):
    """The source contains unsupported syntax; `text` is its start."""

    def __init__(self, reason: str, text: str) -> None:
        self.reason, self.text = reason, text[:60].partition("\n")[0]
        super().__init__(f"{reason}: {self.text}")


def strip_comments(source: str) -> tuple[str, str]:
    """Remove comments, except licences, and indentation. Raises `ScriptSyntaxError`.

    Return the result, and a copy of the same length in which all quoted text is blank, for searches in code.
    """
    stripped, searchable = [], []
    for kind, token in tokenize(source):
        if kind == "comment" and LICENCE.search(token):
            stripped.append(token)
            searchable.append(re.sub(r"[^\n]", " ", token))
        elif kind == "comment":
            stripped.append(" " if token[1] == "*" else "")
            searchable.append(stripped[-1])
        elif kind == "text":
            stripped.append(token)
            searchable.append(token[0] + re.sub(r"[^\n]", " ", token[1:-1]) + token[-1])
        else:
            stripped.append(re.sub(r"\s*\n\s*", "\n", token))
            searchable.append(stripped[-1])
    return "".join(stripped), "".join(searchable)


def tokenize(source: str) -> Iterator[tuple[Kind, str]]:
    """Yield (kind, text) pairs that cover the whole source. Raises `ScriptSyntaxError`."""
    at, before = 0, ""
    depths: list[int] = []  # of braces, for each open template
    while at < len(source):
        kind, end = _next(source, at, before, depths)
        token = source[at:end]
        yield kind, token
        if kind != "comment":
            before = token[-40:].rstrip() or before
        at = end
    if depths:
        raise ScriptSyntaxError("unterminated template", source)


def _next(source: str, at: int, before: str, depths: list[int]) -> tuple[Kind, int]:
    """Return the kind of the token at `at` and its end."""
    match = TOKEN.match(source, at)
    kind, closing = match and match.lastgroup, source[at] == "}" and depths[-1:] == [0]
    if kind == "slash" and not (VALUE.search(before) and not WORD.search(before)):
        match, kind = REGEX.match(source, at), "text"
    elif kind == "open" or closing:
        match, kind = TEMPLATE.match(source, at + 1), "text"
        if closing:
            depths.pop()
        if match and match["end"] == "${":
            depths.append(0)
    elif depths and source[at] in "{}":
        depths[-1] += 1 if source[at] == "{" else -1
    if match is None:
        raise ScriptSyntaxError("unterminated token", source[at:])
    return ("comment" if kind == "comment" else "text" if kind == "text" else "code"), match.end()
