"""Estimates the usage of a request before it is sent, for its reservation.

A quota and a budget must hold whatever the provider counts. The prompt is therefore bounded: no tokenizer
makes more tokens of a text than it has bytes. Inputs without such a bound (files by id, URLs, documents,
tools of the provider) can fill the model's whole context window. Tokens per minute recover by themselves, so
that a rough estimate is enough for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from functools import cached_property

from vaultcore.casts import cast
from vaultcore.catalog.schema import Model
from vaultcore.json_codec import dumps_text
from vaultcore.lazy_dataclass import dataclass
from vaultcore.plain_request import is_plain
from vaultcore.usage.max_cost import MAX_IMAGES
from vaultcore.usage.token_estimate import estimate_request
from vaultcore.usage.tool_charges import MAX_TOOL_USES, max_tool_uses
from vaultcore.usage.unbounded_input import find_server_tool, find_unbounded, opaque_parts
from vaultcore.wire import ChatRequest, Json

PER_MESSAGE = 16  # tokens around a message, in any provider's template
TOOLS = 800  # tokens that providers add to a request with tools
IMAGE = 6_000  # tokens of the largest image that most models accept
BYTES_OF_FILE = 4  # characters of base64 per token of a document or recording; documents may have more
EDITED_IMAGE = 7_000  # tokens of an image that is edited, at the highest fidelity
PER_IMAGE = 8_500  # completion tokens of a generated image that is billed by tokens, at the highest quality
UNKNOWN_WINDOW = 2_000_000  # tokens of a context window that the catalog does not know
# Types of items and parts that the chat form of a request contains; the others are counted by their bytes.
TRANSLATED = (
    *("text", "image", "document", "search_result", "tool_use", "tool_result", "thinking"),
    *("redacted_thinking", "message", "function_call", "function_call_output", "custom_tool_call"),
    *("custom_tool_call_output", "reasoning", "input_text", "output_text", "summary_text", "refusal"),
    *("input_image", "input_file", "input_audio"),
)


@dataclass(frozen=True)
class RequestEstimate:
    """Tokens and images of a request."""

    prompt: int  # tokens at most; without `unbounded` inputs
    source: int | ChatRequest  # of `expected`: the tokens, or the request to estimate them from
    completion: int | None  # tokens of all choices together; None: the request does not limit them
    choices: int = 1
    images: int = MAX_IMAGES
    runs: int = 1  # requests to the model: an embedding of each input, an image
    unbounded: str | None = None  # path of the first input without a bound; None: `prompt` bounds them all
    may_overshoot: bool = False  # the operator allows unbounded inputs without reserving the most for them
    server_tools: bool = False  # the provider runs tools and calls the model again with their results
    body: Mapping[str, object] = field(default_factory=dict, repr=False)  # as the client sent it

    @cached_property
    def expected(self) -> int:
        """Return the tokens of the prompt, roughly. Few requests need it, so it is not counted for all."""
        return self.source if isinstance(self.source, int) else estimate_request(self.source)

    def max_prompt(self, model: Model) -> int:
        """Return the most prompt tokens of one model turn."""
        return max(self.prompt, context_window(model)) if self.reserves_most(model) else self.prompt

    def reserves_most(self, model: Model) -> bool:
        """Return True if inputs without a bound are reserved with the most that the model can take."""
        return not self.may_overshoot and (self.unbounded is not None or bool(model.own_tools))

    def max_turns(self, model: Model) -> int:
        """Return how often the model may run for this request: once, and after each use of a tool."""
        uses = sum(max_tool_uses(self.body, model).values())
        return self.runs + max(uses, MAX_TOOL_USES if self.server_tools else 0)


def context_window(model: Model) -> int:
    """Return the context window of a model, in tokens; UNKNOWN_WINDOW if the catalog does not know it."""
    return model.context_window or UNKNOWN_WINDOW


def estimate_chat(request: ChatRequest, body: Mapping[str, object] | None = None) -> RequestEstimate:
    """Estimate a chat request. `body` is the client's own body if its API is not chat completions."""
    limit = max(request.get("max_completion_tokens") or 0, request.get("max_tokens") or 0)
    choices = max(1, int(request.get("n") or 1))
    if body is None and is_plain(request):
        completion = limit * choices if limit else None
        return RequestEstimate(_bound_prompt(request), request, completion, choices, body=cast(Json, request))
    own = cast(Json, request) if body is None else body
    runs = 2 if _compacts(own) else 1
    hidden = sum(_size(part) for part in opaque_parts(own, TRANSLATED)) if body is not None else 0
    return RequestEstimate(
        (_bound_prompt(request) + hidden) * runs,
        request,
        limit * choices * runs if limit else None,
        choices,
        unbounded=find_unbounded(own),
        server_tools=find_server_tool(own) is not None,
        body=own,
        runs=runs,
    )


def _compacts(body: Mapping[str, object]) -> bool:
    """Return True if the model may summarize the conversation before it answers: a second run."""
    match body.get("context_management"):
        case {"edits": list() as edits}:
            return any(
                str(each.get("type")).startswith("compact_") for each in edits if isinstance(each, dict)
            )
        case _:
            return False


def estimate_embeddings(request: Mapping[str, object]) -> RequestEstimate:
    """Estimate a request for embeddings: its input. The response has no tokens."""
    most = _size(request.get("input")) + PER_MESSAGE
    return RequestEstimate(most, max(1, most // 3), 0, runs=_length(request.get("input")))


def estimate_moderations(request: Mapping[str, object]) -> RequestEstimate:
    """Estimate a request for moderations: its texts and images. The response has no tokens."""
    value = request.get("input")
    items = value if isinstance(value, list) else [value]
    most = sum(_size(item) if isinstance(item, str) else _part(item) for item in items) + PER_MESSAGE
    return RequestEstimate(most, max(1, most // 3), 0, runs=_length(value))


def estimate_images(request: Mapping[str, object]) -> RequestEstimate:
    """Estimate a request for images: its prompt, and tokens for every image."""
    count = max(1, int(cast(int, request.get("n") or 1)))
    most = _size(request.get("prompt")) + PER_MESSAGE
    return RequestEstimate(most, max(1, most // 3), count * PER_IMAGE, count, count, runs=count)


def estimate_image_edits(request: Mapping[str, object]) -> RequestEstimate:
    """Estimate a request for edited images: as for new ones, and tokens for every image that is edited."""
    sources = _length(request.get("image")) + (request.get("mask") is not None)
    estimate = estimate_images(request)
    added = sources * EDITED_IMAGE
    return replace(estimate, prompt=estimate.prompt + added, source=estimate.expected + added)


def _length(value: object) -> int:
    return max(1, len(value)) if isinstance(value, list) else 1


def _bound_prompt(request: ChatRequest) -> int:
    messages = request.get("messages") or ()
    tools = request.get("tools")
    total = PER_MESSAGE * len(messages)
    for message in messages:
        content = message.get("content")
        if len(message) == 2 and type(content) is str:  # a role and a text, as most are
            total += len(content) if content.isascii() else _size(content)
        else:
            total += _message(cast(Json, message))
    response_format = request.get("response_format")
    return total + (TOOLS + _size(tools) if tools else 0) + (_size(response_format) if response_format else 0)


def _message(message: Mapping[str, object]) -> int:
    content = message.get("content")
    parts = sum(map(_part, content)) if isinstance(content, list) else _size(content)
    others = ("tool_calls", "reasoning_content", "name", "function_call", "tool_call_id", "refusal")
    opaque = _size(message.get("thinking_blocks"))
    return parts + sum(_size(message[name]) for name in others if name in message) + opaque


def _part(part: object) -> int:
    match part:
        case {"type": "text", "text": str(text)}:
            return _size(text)
        case {"type": "image_url"}:
            return IMAGE
        case {"type": "file", "file": {"file_data": str(data)}}:
            is_text = data[:10].lower().startswith("data:text/")
            return max(IMAGE, len(data) if is_text else len(data) // BYTES_OF_FILE)
        case {"type": "input_audio"}:
            return max(IMAGE, _size(part) // BYTES_OF_FILE)
        case _:
            return max(IMAGE, _size(part))


def _size(value: object) -> int:
    """Return the bytes of a text or of a value as JSON; the length of a list of tokens."""
    match value:
        case None:
            return 0
        case str():
            return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
        case list() if all(isinstance(each, int) for each in value):
            return len(value)
        case _:
            text = dumps_text(value)
            separators = text.count(",") + text.count(":")  # a model may see a space after each
            return separators + (len(text) if text.isascii() else len(text.encode("utf-8", "replace")))
