"""Embeddings of OpenAI and most of the catalog: https://platform.openai.com/docs/api-reference/embeddings.

Requests change little. Responses may have floats or base64 whatever the request asked for: some providers
ignore `encoding_format`.
"""

from __future__ import annotations

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change, repair
from vaultcore.dialects.json_fields import require_object
from vaultcore.media import MediaResponse, MediaResult, RenderedMedia
from vaultcore.media.embeddings import vector
from vaultcore.media.embeddings.batches import Input, render_batches
from vaultcore.media.field_mapping import map_fields
from vaultcore.media.response_fields import non_empty_list
from vaultcore.wire import Json


def render(request: Json, target: Target, offer: MediaOffer) -> RenderedMedia:
    changes: list[Change] = []
    fields = map_fields(request, target, offer, changes)
    value = request["input"]
    is_single = isinstance(value, str) or isinstance(value[0], int)

    def render_body(batch: list[Input]) -> Json:
        return {**fields, "input": batch[0] if is_single else batch}

    return render_batches(request, target, offer, changes, render_body)


def parse(response: MediaResponse) -> MediaResult:
    data = response.body.get("data")
    if response.body.get("error") and not data:
        raise repair.stream_fault(response.body)
    rows = [require_object(row, "an embedding") for row in non_empty_list(data, "embeddings")]
    indexes = [row.get("index") for row in rows]
    if sorted(index for index in indexes if type(index) is int) == list(range(len(rows))):
        rows.sort(key=lambda row: int(row["index"]))
    usage = response.body.get("usage")
    return MediaResult(
        tuple(vector.parse_vector(row.get("embedding")) for row in rows),
        {name: value for name, value in usage.items() if value is not None}
        if isinstance(usage, dict)
        else None,
    )
