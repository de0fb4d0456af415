"""Embeddings as OpenAI has them, and most of the catalog: https://platform.openai.com/docs/api-reference/embeddings.

Nearly the identity. What comes back is read as floats or base64, whichever was asked for: not all heed it.
"""

from __future__ import annotations

from vaultcore.catalog.schema import Offer, Target
from vaultcore.dialects import Change, repair
from vaultcore.dialects.json_fields import an_object
from vaultcore.media import Order, Part, Told
from vaultcore.media.embeddings import vector
from vaultcore.media.embeddings.batches import Input, order
from vaultcore.media.field_mapping import settle
from vaultcore.media.lists import a_list
from vaultcore.wire import Json


def render(request: Json, target: Target, offer: Offer) -> Order:
    changes: list[Change] = []
    terms = settle(request, target, offer, changes)
    asked = request["input"]
    alone = isinstance(asked, str) or isinstance(asked[0], int)

    def body(batch: list[Input]) -> Json:
        return {**terms, "input": batch[0] if alone else batch}

    return order(request, target, offer, changes, body)


def parse(told: Told) -> Part:
    data = told.body.get("data")
    if told.body.get("error") and not data:
        raise repair.fault(told.body["error"])
    rows = [an_object(row, "an embedding") for row in a_list(data, "embeddings")]
    places = [row.get("index") for row in rows]
    if sorted(place for place in places if type(place) is int) == list(range(len(rows))):
        rows.sort(key=lambda row: int(row["index"]))
    usage = told.body.get("usage")
    return Part(
        tuple(vector.read(row.get("embedding")) for row in rows),
        {name: value for name, value in usage.items() if value is not None}
        if isinstance(usage, dict)
        else None,
    )
