"""Cohere's v2 embed, at Cohere and on Bedrock: https://docs.cohere.com/reference/embed.

What the texts are for is required there; texts to be searched among are meant where the client says nothing.
"""

from __future__ import annotations

from vaultcore.catalog.schema import Offer, Target
from vaultcore.dialects import Change
from vaultcore.media import Order, Part, Told
from vaultcore.media.embeddings import vector
from vaultcore.media.embeddings.batches import Input, order
from vaultcore.media.embeddings.input_type import COHERE, purpose
from vaultcore.media.field_mapping import settle
from vaultcore.media.lists import a_list
from vaultcore.media.usage import count
from vaultcore.wire import Json

TAKEN = frozenset({"input", "dimensions", "input_type", "truncate", "max_tokens"})
USUAL = "search_document"
COUNTED = "x-amzn-bedrock-input-token-count"


def render(request: Json, target: Target, offer: Offer) -> Order:
    changes: list[Change] = []
    terms = settle(request, target, offer, changes, taken=TAKEN)
    task = purpose(terms.get("input_type"), COHERE, target, changes)
    if task is None:
        changes.append(Change("input_type", "injected", "required there", None, USUAL))
    shared: Json = {"input_type": task or USUAL, "embedding_types": ["float"]}
    if (size := terms.get("dimensions")) is not None:
        shared["output_dimension"] = size
        changes.append(Change("dimensions", "renamed", "called output_dimension there"))
    shared |= {name: terms[name] for name in ("truncate", "max_tokens") if name in terms}

    def body(batch: list[Input]) -> Json:
        return {"texts": batch, **shared}

    return order(request, target, offer, changes, body)


def parse(told: Told) -> Part:
    found = told.body.get("embeddings")
    if isinstance(found, dict):
        found = found.get("float")
    tokens = _billed(told)
    return Part(
        tuple(map(vector.read, a_list(found, "embeddings"))), {"prompt_tokens": tokens} if tokens else None
    )


def _billed(told: Told) -> int:
    match told.body.get("meta"):
        case {"billed_units": {"input_tokens": int() | float() as tokens}}:
            return count(int(tokens))
        case _:
            text = told.headers.get(COUNTED, "")
            return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0
