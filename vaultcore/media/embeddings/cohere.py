"""Cohere's v2 embed, at Cohere and on Bedrock: https://docs.cohere.com/reference/embed.

Cohere requires `input_type`. The default here is `search_document`.
"""

from __future__ import annotations

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change
from vaultcore.media import MediaResponse, MediaResult, RenderedMedia
from vaultcore.media.embeddings import vector
from vaultcore.media.embeddings.batches import Input, render_batches
from vaultcore.media.embeddings.input_type import COHERE, map_input_type
from vaultcore.media.field_mapping import map_fields
from vaultcore.media.response_fields import non_empty_list, token_count
from vaultcore.wire import Json

SUPPORTED = frozenset({"input", "dimensions", "input_type", "truncate", "max_tokens"})
DEFAULT_INPUT_TYPE = "search_document"
TOKEN_COUNT_HEADER = "x-amzn-bedrock-input-token-count"  # noqa: S105 - not a password


def render(request: Json, target: Target, offer: MediaOffer) -> RenderedMedia:
    changes: list[Change] = []
    fields = map_fields(request, target, offer, changes, supported=SUPPORTED)
    input_type = map_input_type(fields.get("input_type"), COHERE, target, changes)
    if input_type is None:
        changes.append(Change("input_type", "injected", "the provider requires it", None, DEFAULT_INPUT_TYPE))
    shared: Json = {"input_type": input_type or DEFAULT_INPUT_TYPE, "embedding_types": ["float"]}
    if (size := fields.get("dimensions")) is not None:
        shared["output_dimension"] = size
        changes.append(Change("dimensions", "renamed", "sent as output_dimension"))
    shared |= {name: fields[name] for name in ("truncate", "max_tokens") if name in fields}

    def render_body(batch: list[Input]) -> Json:
        return {"texts": batch, **shared}

    return render_batches(request, target, offer, changes, render_body)


def parse(response: MediaResponse) -> MediaResult:
    embeddings = response.body.get("embeddings")
    if isinstance(embeddings, dict):
        embeddings = embeddings.get("float")
    vectors = map(vector.parse_vector, non_empty_list(embeddings, "embeddings"))
    tokens = _billed_tokens(response)
    return MediaResult(tuple(vectors), {"prompt_tokens": tokens} if tokens else None)


def _billed_tokens(response: MediaResponse) -> int:
    match response.body.get("meta"):
        case {"billed_units": {"input_tokens": int() | float() as tokens}}:
            return token_count(int(tokens))
        case _:
            text = response.headers.get(TOKEN_COUNT_HEADER, "")
            return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0
