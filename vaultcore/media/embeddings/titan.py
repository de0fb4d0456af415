"""Amazon Titan text embeddings, one text per request.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
"""

from __future__ import annotations

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change
from vaultcore.media import MediaResponse, MediaResult, RenderedMedia
from vaultcore.media.embeddings import vector
from vaultcore.media.embeddings.batches import Input, render_batches
from vaultcore.media.field_mapping import map_fields
from vaultcore.media.response_fields import token_count
from vaultcore.wire import Json

SUPPORTED = frozenset({"input", "dimensions", "normalize"})


def render(request: Json, target: Target, offer: MediaOffer) -> RenderedMedia:
    changes: list[Change] = []
    fields = map_fields(request, target, offer, changes, supported=SUPPORTED)
    shared: Json = {name: fields[name] for name in ("dimensions", "normalize") if name in fields}

    def render_body(batch: list[Input]) -> Json:
        return {"inputText": batch[0], **shared}

    return render_batches(request, target, offer, changes, render_body)


def parse(response: MediaResponse) -> MediaResult:
    tokens = token_count(response.body.get("inputTextTokenCount"))
    usage = {"prompt_tokens": tokens} if tokens else None
    return MediaResult((vector.parse_vector(response.body.get("embedding")),), usage)
