"""Moderations of OpenAI and Mistral: https://platform.openai.com/docs/api-reference/moderations/create.

Mistral's API (https://docs.mistral.ai/capabilities/guardrailing/) accepts strings only, has other categories
and returns no `flagged`. The provider decides which content parts it accepts.
"""

from __future__ import annotations

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change, repair
from vaultcore.dialects.json_fields import require_object
from vaultcore.media import MediaRequest, MediaResponse, MediaResult, RenderedMedia
from vaultcore.media.field_mapping import map_fields
from vaultcore.media.moderations import count_results
from vaultcore.media.offers import model_field, request_path
from vaultcore.media.response_fields import non_empty_list
from vaultcore.wire import Json

ENVELOPE = frozenset({"results", "usage", "model"})  # fields that are not copied to the client


def render(request: Json, target: Target, offer: MediaOffer) -> RenderedMedia:
    changes: list[Change] = []
    body = {**model_field(target, offer), **map_fields(request, target, offer, changes)}
    media_request = MediaRequest(request_path(target, offer), body, count_results(request["input"]))
    return RenderedMedia((media_request,), tuple(changes))


def parse(response: MediaResponse) -> MediaResult:
    results = response.body.get("results")
    if response.body.get("error") and not results:
        raise repair.stream_fault(response.body)
    usage = response.body.get("usage")
    return MediaResult(
        tuple(require_object(row, "a result") for row in non_empty_list(results, "results")),
        usage if isinstance(usage, dict) else None,
        {name: value for name, value in response.body.items() if name not in ENVELOPE},
    )
