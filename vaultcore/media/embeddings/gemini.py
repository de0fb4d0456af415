"""Gemini's batchEmbedContents.

Https://ai.google.dev/api/embeddings. Embeddings are in the order of inputs.
"""

from __future__ import annotations

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change
from vaultcore.dialects.json_fields import require_object
from vaultcore.media import MediaResponse, MediaResult, RenderedMedia
from vaultcore.media.embeddings import vector
from vaultcore.media.embeddings.batches import Input, render_batches
from vaultcore.media.embeddings.input_type import GEMINI, map_input_type
from vaultcore.media.field_mapping import map_fields
from vaultcore.media.response_fields import non_empty_list, token_count
from vaultcore.wire import Json

SUPPORTED = frozenset({"input", "dimensions", "input_type", "title"})


def render(request: Json, target: Target, offer: MediaOffer) -> RenderedMedia:
    changes: list[Change] = []
    fields = map_fields(request, target, offer, changes, supported=SUPPORTED)
    shared: Json = {"model": f"models/{target.model.name}"}
    if (task := map_input_type(fields.get("input_type"), GEMINI, target, changes)) is not None:
        shared["taskType"] = task
    if (size := fields.get("dimensions")) is not None:
        shared["outputDimensionality"] = size
        changes.append(Change("dimensions", "renamed", "sent as outputDimensionality"))
    if (title := fields.get("title")) is not None:
        shared["title"] = title

    def render_body(batch: list[Input]) -> Json:
        return {"requests": [{**shared, "content": {"parts": [{"text": text}]}} for text in batch]}

    return render_batches(request, target, offer, changes, render_body)


def parse(response: MediaResponse) -> MediaResult:
    embeddings = non_empty_list(response.body.get("embeddings"), "embeddings")
    metadata = response.body.get("usageMetadata")
    tokens = token_count(metadata.get("promptTokenCount")) if isinstance(metadata, dict) else 0
    return MediaResult(
        tuple(vector.parse_vector(require_object(each, "an embedding").get("values")) for each in embeddings),
        {"prompt_tokens": tokens} if tokens else None,
    )
