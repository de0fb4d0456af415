"""A chat completion as a response object: https://platform.openai.com/docs/api-reference/responses/object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from vaultcore.casts import cast
from vaultcore.client_apis.responses import output_items
from vaultcore.client_apis.responses.client_tools import Toolbox
from vaultcore.client_apis.responses.request_fields import RequestFields
from vaultcore.client_apis.responses.response_object import complete_response, start_response
from vaultcore.client_apis.responses.tool_items import find_tool, item_type, render_call
from vaultcore.dialects.json_fields import string_field
from vaultcore.dialects.turn_order import turn_parts
from vaultcore.lazy_dataclass import dataclass
from vaultcore.opaque_state.compaction import is_compaction
from vaultcore.wire import ChatCompletion, ChatRequest, Json


def render_response(completion: ChatCompletion, request: ChatRequest | RequestFields) -> Json:
    """Return the first choice as a response object, which repeats fields of the request."""
    body, box = (request.body, request.box) if isinstance(request, RequestFields) else ({}, Toolbox())
    choice = completion["choices"][0]
    response = start_response(
        body,
        completion_id=completion.get("id", ""),
        created=completion.get("created", 0),
        model=completion.get("model", ""),
    )
    if tier := completion.get("service_tier"):
        response["service_tier"] = tier
    items = _render_items(completion, box)
    return complete_response(response, items, choice["finish_reason"], completion.get("usage"))


def _render_items(completion: ChatCompletion, box: Toolbox) -> list[Json]:
    choice = cast(Json, completion["choices"][0])
    return _OutputBuilder(completion.get("id", ""), choice, box).build()


@dataclass(slots=True)
class _OutputBuilder:
    """Builds the output items of one choice, in the order of its reasoning, text and calls."""

    completion_id: str
    choice: Json
    box: Toolbox
    items: list[Json] = field(default_factory=list)
    blocks: list[Json] = field(default_factory=list)  # of the reasoning item that is not built yet

    def build(self) -> list[Json]:
        message = self.choice["message"]
        blocks, calls = message.get("thinking_blocks") or [], message.get("tool_calls") or []
        if blocks and is_compaction(blocks[0]):
            return [output_items.compaction(self._next_id("compaction"), blocks[0])]
        content = message.get("content")
        text, reasoning = content if isinstance(content, str) else "", message.get("reasoning_content") or ""
        parts = [*turn_parts(blocks, len(text), len(calls))]
        if reasoning and not (parts and parts[0].kind == "reasoning"):
            self._add_reasoning(reasoning)
        for part in parts:
            match part.kind:
                case "reasoning":
                    self.blocks.append(blocks[part.start])
                    continue
                case "text":
                    self._end_reasoning(reasoning)
                    is_last = part.end == len(text) and not calls
                    self._add_message(part.start, part.end, is_last=is_last)
                case "call":
                    self._end_reasoning(reasoning)
                    self._add_call(calls[part.start])
        self._end_reasoning(reasoning)
        has_message = any(item["type"] == "message" for item in self.items)
        if message.get("refusal") or not (has_message or calls):
            self._add_refusal(message.get("refusal"), is_last=not calls)
        return self.items

    @property
    def _cut_status(self) -> str:
        return "incomplete" if self.choice["finish_reason"] == "length" else "completed"

    def _next_id(self, kind: str) -> str:
        return output_items.item_id(kind, self.completion_id, len(self.items))

    def _end_reasoning(self, whole: str) -> None:
        """Add the blocks so far as one item, with their own text; the first item gets all without one."""
        if not self.blocks:
            return
        text = "".join(string_field(block, "thinking") for block in self.blocks)
        blocks, self.blocks = self.blocks, []
        self._add_reasoning(text or ("" if self.items else whole), blocks)

    def _add_reasoning(self, text: str, blocks: Sequence[Json] = ()) -> None:
        self.items.append(output_items.reasoning(self._next_id("reasoning"), text, blocks))

    def _add_message(self, start: int, end: int, *, is_last: bool) -> None:
        message = self.choice["message"]
        text = message["content"]
        citations = [output_items.citation(annotation) for annotation in message.get("annotations") or ()]
        annotations = [moved for each in citations if each and (moved := _move(each, start, end)) is not None]
        whole = (start, end) == (0, len(text))
        logprobs = (self.choice.get("logprobs") or {}).get("content") or [] if whole else []
        part = output_items.text_part(text[start:end], annotations, [*map(render_logprob, logprobs)])
        status = self._cut_status if is_last else "completed"
        self.items.append(output_items.message(self._next_id("message"), [part], status=status))

    def _add_refusal(self, refusal: object, *, is_last: bool) -> None:
        """Add a refusal to the last message, or a message without content if there is nothing at all."""
        content = [output_items.refusal_part(str(refusal))] if refusal else []
        if self.items and self.items[-1]["type"] == "message":
            self.items[-1]["content"] += content
            return
        status = self._cut_status if is_last else "completed"
        self.items.append(output_items.message(self._next_id("message"), content, status=status))

    def _add_call(self, call: Json) -> None:
        tool = find_tool(call, self.box)
        item_id = self._next_id(item_type(call, tool))
        self.items.append(render_call(item_id, call, tool, status=self._cut_status))


def _move(citation: Json, start: int, end: int) -> Json | None:
    """Return a citation with its offsets in the text from `start` to `end`, or None if it is elsewhere."""
    first, last = citation.get("start_index"), citation.get("end_index")
    if not isinstance(first, int) or not isinstance(last, int):
        return citation if start == 0 else None
    if not start <= first <= end:
        return None
    return {**citation, "start_index": first - start, "end_index": last - start}


def render_logprob(logprob: Json) -> Json:
    """Return a token's logprob with `bytes` and `top_logprobs`, which typed clients require."""
    rendered = {**logprob, "bytes": logprob.get("bytes") or []}
    others = [{**each, "bytes": each.get("bytes") or []} for each in logprob.get("top_logprobs") or ()]
    return {**rendered, "top_logprobs": others}
