"""Amazon Titan text embeddings, one text at a time.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
"""

from __future__ import annotations

from vaultcore.catalog.schema import Offer, Target
from vaultcore.dialects import Change
from vaultcore.media import Order, Part, Told
from vaultcore.media.embeddings import vector
from vaultcore.media.embeddings.batches import Input, order
from vaultcore.media.field_mapping import settle
from vaultcore.media.usage import count
from vaultcore.wire import Json

TAKEN = frozenset({"input", "dimensions", "normalize"})


def render(request: Json, target: Target, offer: Offer) -> Order:
    changes: list[Change] = []
    terms = settle(request, target, offer, changes, taken=TAKEN)
    shared: Json = {name: terms[name] for name in ("dimensions", "normalize") if name in terms}

    def body(batch: list[Input]) -> Json:
        return {"inputText": batch[0], **shared}

    return order(request, target, offer, changes, body)


def parse(told: Told) -> Part:
    tokens = count(told.body.get("inputTextTokenCount"))
    usage = {"prompt_tokens": tokens} if tokens else None
    return Part((vector.read(told.body.get("embedding")),), usage)
