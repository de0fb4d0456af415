"""Gemini's batchEmbedContents: https://ai.google.dev/api/embeddings. Answers are in order."""

from __future__ import annotations

from vaultcore.catalog.schema import Offer, Target
from vaultcore.dialects import Change
from vaultcore.dialects.json_fields import an_object
from vaultcore.media import Order, Part, Told
from vaultcore.media.embeddings import vector
from vaultcore.media.embeddings.batches import Input, order
from vaultcore.media.embeddings.input_type import GEMINI, purpose
from vaultcore.media.field_mapping import settle
from vaultcore.media.lists import a_list
from vaultcore.media.usage import count
from vaultcore.wire import Json

TAKEN = frozenset({"input", "dimensions", "input_type", "title"})


def render(request: Json, target: Target, offer: Offer) -> Order:
    changes: list[Change] = []
    terms = settle(request, target, offer, changes, taken=TAKEN)
    shared: Json = {"model": f"models/{target.model.name}"}
    if (task := purpose(terms.get("input_type"), GEMINI, target, changes)) is not None:
        shared["taskType"] = task
    if (size := terms.get("dimensions")) is not None:
        shared["outputDimensionality"] = size
        changes.append(Change("dimensions", "renamed", "called outputDimensionality there"))
    if (title := terms.get("title")) is not None:
        shared["title"] = title

    def body(batch: list[Input]) -> Json:
        return {"requests": [{**shared, "content": {"parts": [{"text": text}]}} for text in batch]}

    return order(request, target, offer, changes, body)


def parse(told: Told) -> Part:
    found = a_list(told.body.get("embeddings"), "embeddings")
    meta = told.body.get("usageMetadata")
    tokens = count(meta.get("promptTokenCount")) if isinstance(meta, dict) else 0
    return Part(
        tuple(vector.read(an_object(each, "an embedding").get("values")) for each in found),
        {"prompt_tokens": tokens} if tokens else None,
    )
