"""Google's embedContent and batchEmbedContents for clients: https://ai.google.dev/api/embeddings.

A request becomes one of `POST /v1/embeddings`, so that every provider of embeddings can answer it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vaultcore.casts import cast
from vaultcore.media import Kind, MediaRequest, MediaResult, RenderedMediaResponse, embeddings
from vaultcore.media.embeddings import vector
from vaultcore.media.embeddings.vector import Vector
from vaultcore.media.validation import check_integer, reject
from vaultcore.wire import ChatRequest, Json

kind: Kind = embeddings.kind
native = embeddings.native
headers = embeddings.headers
unsupported_types = embeddings.unsupported_types
has_price = embeddings.has_price

OPTIONS = {  # of each content -> field of an embeddings request
    ("taskType", "task_type"): "input_type",
    ("title", "title"): "title",
    ("outputDimensionality", "output_dimensionality"): "dimensions",
}
UNSPECIFIED = ("TASK_TYPE_UNSPECIFIED", "")


class ContentEmbeddings(dict[str, Any]):
    """An embeddings request in which a purpose or title is dropped where a provider has no such field."""

    __slots__ = ("is_batch",)
    advisory = frozenset({"input_type", "title"})

    def __init__(self, request: Mapping[str, Any], *, is_batch: bool) -> None:
        super().__init__(request)
        self.is_batch = is_batch


def parse_request(body: object) -> ChatRequest:
    """Return the embeddings request of one content or of several. Raises InvalidRequest."""
    if not isinstance(body, dict):
        reject("body", "must be a JSON object")
    is_batch = "requests" in body
    requests = body["requests"] if is_batch else [body]
    if not isinstance(requests, list) or not requests:
        reject("requests", "must be a list of at least one request", code="empty_array")
    paths = [f"requests[{i}]." if is_batch else "" for i in range(len(requests))]
    texts = [_read_text(each, path) for each, path in zip(requests, paths, strict=True)]
    request: Json = {"model": str(body.get("model") or "").removeprefix("models/"), "input": texts}
    for names, field in OPTIONS.items():
        values = [next((each[name] for name in names if name in each), None) for each in requests]
        if any(value != values[0] for value in values):
            reject(names[0], "must be the same in all requests")
        if values[0] not in (None, *UNSPECIFIED):
            request[field] = values[0]
    check_integer(request, "dimensions", most=embeddings.MAX_DIMENSIONS)
    embeddings.parse_request(request)
    return cast(ChatRequest, ContentEmbeddings(request, is_batch=is_batch))


def is_complete(result: MediaResult, request: MediaRequest) -> bool:
    return embeddings.is_complete(result, request)


def render_response(
    request: Json, results: Sequence[MediaResult], title: str, created: int
) -> RenderedMediaResponse:
    """Return `{"embedding": …}` for one content, `{"embeddings": […]}` for several."""
    response = embeddings.render_response(request, results, title, created)
    vectors = [
        {"values": vector.to_floats(cast(Vector, item))} for result in results for item in result.items
    ]
    is_batch = isinstance(request, ContentEmbeddings) and request.is_batch
    tokens = (response.usage or {}).get("prompt_tokens") or 0
    body: Json = {"embeddings": vectors} if is_batch else {"embedding": vectors[0]}
    return RenderedMediaResponse(
        {**body, "usageMetadata": {"promptTokenCount": tokens}}, response.usage, response.changes
    )


def _read_text(request: object, path: str) -> str:
    """Return the text of a content, one line per part. Raises InvalidRequest for other media."""
    content = request.get("content") if isinstance(request, dict) else None
    parts = content.get("parts") if isinstance(content, dict) else None
    if not isinstance(parts, list) or not parts:
        reject(f"{path}content.parts", "must be a list of at least one part")
    for i, part in enumerate(parts):
        if not isinstance(part, dict) or not isinstance(part.get("text"), str):
            reject(f"{path}content.parts[{i}]", "must be a text", code="unsupported_parameter")
    return "\n".join(part["text"] for part in parts)
