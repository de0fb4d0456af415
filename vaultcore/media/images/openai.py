"""Images of OpenAI and compatible providers: https://platform.openai.com/docs/api-reference/images."""

from __future__ import annotations

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change, repair
from vaultcore.dialects.json_fields import require_object
from vaultcore.media import MediaResponse, MediaResult, RenderedMedia
from vaultcore.media.images import batches
from vaultcore.media.images.image_data import image_from_base64
from vaultcore.media.response_fields import non_empty_list
from vaultcore.wire import Json

ENVELOPE = frozenset({"data", "usage", "id", "object", "model"})  # fields that are not copied to the client


def render(request: Json, target: Target, offer: MediaOffer) -> RenderedMedia:
    changes: list[Change] = []
    fields = batches.map_image_fields(request, target, offer, changes)
    has_count = request.get("n") is not None

    def render_body(count: int) -> Json:
        return {**fields, "n": count} if has_count else fields

    return batches.render_batches(request, target, offer, changes, render_body)


def parse(response: MediaResponse) -> MediaResult:
    data = response.body.get("data")
    if response.body.get("error") and not data:
        raise repair.stream_fault(response.body)
    usage = response.body.get("usage")
    return MediaResult(
        tuple(_parse_image(require_object(row, "an image")) for row in non_empty_list(data, "images")),
        usage if isinstance(usage, dict) and "output_tokens" in usage else None,
        {name: value for name, value in response.body.items() if name not in ENVELOPE},
    )


def _parse_image(row: Json) -> Json:
    if not row.get("url") and not row.get("b64_json"):
        return {**row, **image_from_base64(row.get("base64"))}
    return row
