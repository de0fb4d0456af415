"""`input_type`, the purpose of texts to embed, in the words of the providers that have such a field."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change
from vaultcore.media.field_mapping import unsupported

# One row per purpose: Cohere's value, Gemini's value, other values that clients send.
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


def map_input_type(
    value: object, mapping: Mapping[str, str], target: Target, changes: list[Change]
) -> str | None:
    """Return the provider's value, or None if the client sent none.

    Raises InvalidRequest if the provider has no equivalent.
    """
    if value is None:
        return None
    mapped = mapping.get(value) if isinstance(value, str) else None
    if mapped is None:
        raise unsupported(target, "input_type", f"supports {', '.join(sorted(set(mapping.values())))}")
    if mapped != value:
        changes.append(Change("input_type", "renamed", f"sent as {mapped}", value, mapped))
    return mapped
