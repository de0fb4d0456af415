"""What texts are embedded for, `input_type`, in the words of the providers that ask for it."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change
from vaultcore.media.field_mapping import unsupported

# A row is one purpose: Cohere's word, Gemini's, and the other words clients have for it.
_PURPOSES = (
    ("search_document", "RETRIEVAL_DOCUMENT", "document", "passage"),
    ("search_query", "RETRIEVAL_QUERY", "query"),
    ("classification", "CLASSIFICATION"),
    ("clustering", "CLUSTERING"),
    ("", "SEMANTIC_SIMILARITY", "similarity"),
    ("", "QUESTION_ANSWERING"),
    ("", "FACT_VERIFICATION"),
    ("", "CODE_RETRIEVAL_QUERY"),
)
COHERE: Mapping[str, str] = {word: row[0] for row in _PURPOSES for word in row if word and row[0]}
GEMINI: Mapping[str, str] = {word: row[1] for row in _PURPOSES for word in row if word}


def purpose(value: object, words: Mapping[str, str], target: Target, changes: list[Change]) -> str | None:
    """The provider's word for it, None where the client said nothing; InvalidRequest where it has none."""
    if value is None:
        return None
    theirs = words.get(value) if isinstance(value, str) else None
    if theirs is None:
        raise unsupported(target, "input_type", f"knows {', '.join(sorted(set(words.values())))}")
    if theirs != value:
        changes.append(Change("input_type", "renamed", f"called {theirs} there", value, theirs))
    return theirs
