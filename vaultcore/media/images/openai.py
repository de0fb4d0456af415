"""Pictures as OpenAI has them, and those who speak alike: https://platform.openai.com/docs/api-reference/images."""

from __future__ import annotations

from vaultcore.catalog.schema import Offer, Target
from vaultcore.dialects import Change, repair
from vaultcore.dialects.json_fields import an_object
from vaultcore.media import Order, Part, Told
from vaultcore.media.images import batches
from vaultcore.media.images.picture import drawn
from vaultcore.media.lists import a_list
from vaultcore.wire import Json

ENVELOPE = frozenset({"data", "usage", "id", "object", "model"})


def render(request: Json, target: Target, offer: Offer) -> Order:
    changes: list[Change] = []
    terms = batches.terms(request, target, offer, changes)
    counted = request.get("n") is not None

    def body(count: int) -> Json:
        return {**terms, "n": count} if counted else terms

    return batches.order(request, target, offer, changes, body)


def parse(told: Told) -> Part:
    data = told.body.get("data")
    if told.body.get("error") and not data:
        raise repair.fault(told.body["error"])
    usage = told.body.get("usage")
    return Part(
        tuple(_picture(an_object(row, "a picture")) for row in a_list(data, "pictures")),
        usage if isinstance(usage, dict) and "output_tokens" in usage else None,
        {name: value for name, value in told.body.items() if name not in ENVELOPE},
    )


def _picture(row: Json) -> Json:
    if not row.get("url") and not row.get("b64_json"):
        return {**row, **drawn(row.get("base64"))}
    return row
