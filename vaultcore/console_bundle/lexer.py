"""JavaScript's text told apart: code, comments, strings, regular expressions (ECMA-262, section 12)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

Kind = Literal["code", "comment", "text"]  # text: of a string, template or regular expression, with its marks

TOKEN = re.compile(
    r"(?P<code>[^\"'`/{}]+|[{}])|(?P<comment>//[^\n]*|/\*[\s\S]*?\*/)"
    r"|(?P<text>\"(?:[^\"\\\n]|\\[\s\S])*\"|'(?:[^'\\\n]|\\[\s\S])*')|(?P<open>`)|(?P<slash>/)"
)
TEMPLATE = re.compile(r"(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?P<end>`|\$\{)")
REGEX = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
# Behind a value a slash divides. Behind a parenthesis and a brace it is taken to: no statement here begins
# with a regular expression.
VALUE = re.compile(r"(?:[\w$)\]}\"'`]|\+\+|--)$")
WORD = re.compile(
    r"(?<![\w$.])(?:await|case|delete|do|else|in|instanceof|new|of|return|throw|typeof|void|yield)$"
)
LICENCE = re.compile(r"@license|Copyright")


class UnreadableScript(ValueError):
    """What is not one of the forms that are known, and what it begins with."""

    def __init__(self, reason: str, text: str) -> None:
        self.reason, self.text = reason, text[:60].partition("\n")[0]
        super().__init__(f"{reason}: {self.text}")


def tidied(source: str) -> tuple[str, str]:
    """The source without comments and indentation, licences apart; and the same with blanks for all that is
    quoted, in which the code can be searched. Raises `UnreadableScript`.
    """
    said, searched = [], []
    for kind, piece in tokens(source):
        if kind == "comment" and LICENCE.search(piece):
            said.append(piece)
            searched.append(re.sub(r"[^\n]", " ", piece))
        elif kind == "comment":
            said.append(" " if piece[1] == "*" else "")
            searched.append(said[-1])
        elif kind == "text":
            said.append(piece)
            searched.append(piece[0] + re.sub(r"[^\n]", " ", piece[1:-1]) + piece[-1])
        else:
            said.append(re.sub(r"\s*\n\s*", "\n", piece))
            searched.append(said[-1])
    return "".join(said), "".join(searched)


def tokens(source: str) -> Iterator[tuple[Kind, str]]:
    """The source's pieces in their order, all of it; or raise `UnreadableScript`."""
    at, before = 0, ""
    depths: list[int] = []  # of braces, in each template that is open
    while at < len(source):
        kind, end = _next(source, at, before, depths)
        piece = source[at:end]
        yield kind, piece
        if kind != "comment":
            before = piece[-40:].rstrip() or before
        at = end
    if depths:
        raise UnreadableScript("no end of a template", source)


def _next(source: str, at: int, before: str, depths: list[int]) -> tuple[Kind, int]:
    """What begins here and where it ends."""
    found = TOKEN.match(source, at)
    kind, closing = found and found.lastgroup, source[at] == "}" and depths[-1:] == [0]
    if kind == "slash" and not (VALUE.search(before) and not WORD.search(before)):
        found, kind = REGEX.match(source, at), "text"
    elif kind == "open" or closing:
        found, kind = TEMPLATE.match(source, at + 1), "text"
        if closing:
            depths.pop()
        if found and found["end"] == "${":
            depths.append(0)
    elif depths and source[at] in "{}":
        depths[-1] += 1 if source[at] == "{" else -1
    if found is None:
        raise UnreadableScript("no end of what begins so", source[at:])
    return ("comment" if kind == "comment" else "text" if kind == "text" else "code"), found.end()
