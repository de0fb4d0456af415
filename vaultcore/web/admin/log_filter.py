"""The filters of `/admin/logs`: on records, and on the text of stored records before it is parsed.

A search reads 2,000 records for a page and returns few of them. Parsing one takes ten times as long as a look
at its text, so `may_match` rejects most texts. It accepts every text whose record fits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from vaultcore.control.key_owners import KeyDirectory

EXACT_FIELDS = ("id", "key", "owner", "provider", "path", "code")
SEARCHED_FIELDS = ("id", "key", "owner", "path", "model", "provider", "served", "code")
_PLAIN = re.compile(r"[ !#-\[\]-~]+", re.ASCII)  # characters that JSON does not escape
_KEY = re.compile(r'"key":\s*"([^"\\]*)"')

TextFilter = Callable[[str], bool]


class LogFilters(Protocol):
    """The filters of a query; None accepts every record."""

    id: str | None
    key: str | None
    owner: str | None
    model: str | None
    provider: str | None
    path: str | None
    search: str | None
    status: str | None
    code: str | None
    refused: bool | None


class RecordFilter:
    """Accepts the records that fit all filters. `keys` are used by `search`, which includes key names."""

    def __init__(self, filters: LogFilters, keys: KeyDirectory) -> None:
        self._filters = filters
        self._exact = {name: each for name in EXACT_FIELDS if (each := getattr(filters, name)) is not None}
        self._text = None if filters.search is None else filters.search.casefold()
        self._named = frozenset[str]() if filters.search is None else keys.search(filters.search)
        self._texts = self._text_filters()

    def matches(self, record: Mapping[str, Any]) -> bool:
        """Return True if a stored record fits."""
        filters = self._filters
        return (
            all(value == record.get(name) for name, value in self._exact.items())
            and filters.refused in {None, "refusal" in record}
            and (
                filters.model is None
                or any(matches_pattern(filters.model, record.get(name)) for name in ("model", "served"))
            )
            and (filters.status is None or _matches_status(filters.status, record.get("status")))
            and (self._text is None or self._contains_text(self._text, record))
        )

    def may_match(self, text: str) -> bool:
        """Return False if the record with this JSON text does not fit."""
        return not text.isascii() or all(accepts(text) for accepts in self._texts)

    def _text_filters(self) -> list[TextFilter]:
        filters = self._filters
        texts = [json.dumps(value) for value in self._exact.values()]
        if filters.model is not None and "*" not in filters.model:
            texts.append(json.dumps(filters.model))
        if filters.refused:
            texts.append('"refusal"')
        accepts: list[TextFilter] = [_containing(each) for each in texts]
        if filters.status is not None:
            digits = filters.status.replace("x", "[0-9]")
            pattern = re.compile(rf'"status":\s*"?{digits}')
            accepts.append(lambda text: pattern.search(text) is not None)
        if self._text is not None and _PLAIN.fullmatch(self._text):
            accepts.append(self._may_contain(self._text))
        return accepts

    def _may_contain(self, searched: str) -> TextFilter:
        """Return a filter for a text without characters that JSON escapes."""
        named = self._named

        def accepts(text: str) -> bool:
            # An escaped character may equal a plain one regardless of case, as the Kelvin sign equals "k".
            if searched in text.lower() or "\\u" in text:
                return True
            return bool(named) and any(key in named for key in _KEY.findall(text))

        return accepts

    def _contains_text(self, text: str, record: Mapping[str, Any]) -> bool:
        if record.get("key") in self._named:
            return True
        for name in SEARCHED_FIELDS:
            value = record.get(name)
            if value and text in str(value).casefold():
                return True
        return False


def matches_pattern(pattern: str, name: str | None) -> bool:
    """Return True if a name matches a pattern, in which `*` matches any text. With a `*`, case is ignored."""
    first, *others = pattern.casefold().split("*")
    if name is None or not others:
        return pattern == name
    *middle, last = others
    text, position = name.casefold(), len(first)
    if not text.startswith(first):
        return False
    for part in middle:
        index = text.find(part, position)
        if index < 0:
            return False
        position = index + len(part)
    return len(text) - len(last) >= position and text.endswith(last)


def _containing(part: str) -> TextFilter:
    return lambda text: part in text


def _matches_status(pattern: str, status: object) -> bool:
    text = str(status)
    return text == pattern or (pattern.endswith("xx") and text[:1] == pattern[:1])
