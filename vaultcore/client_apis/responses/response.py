"""A chat completion as a response object: https://platform.openai.com/docs/api-reference/responses/object."""

from __future__ import annotations

from typing import cast

from vaultcore.client_apis.responses import output_items
from vaultcore.client_apis.responses.client_tools import Toolbox
from vaultcore.client_apis.responses.request_fields import RequestFields
from vaultcore.client_apis.responses.response_object import complete_response, start_response
from vaultcore.client_apis.responses.tool_items import find_tool, item_type, render_call
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
    completion_id, choice = completion.get("id", ""), completion["choices"][0]
    items: list[Json] = []

    def next_id(kind: str) -> str:
        return output_items.item_id(kind, completion_id, len(items))

    message = cast(Json, choice["message"])
    reasoning, blocks = message.get("reasoning_content") or "", message.get("thinking_blocks") or []
    if reasoning or blocks:
        items.append(output_items.reasoning(next_id("reasoning"), reasoning, blocks))
    cut_status = "incomplete" if choice["finish_reason"] == "length" else "completed"
    calls = message.get("tool_calls") or []
    content = _render_content(message, cast(Json, choice))
    if content or not calls:
        status = "completed" if calls else cut_status
        items.append(output_items.message(next_id("message"), content, status=status))
    for call in calls:
        tool = find_tool(call, box)
        items.append(render_call(next_id(item_type(call, tool)), call, tool, status=cut_status))
    return items


def _render_content(message: Json, choice: Json) -> list[Json]:
    text, refusal = message.get("content"), message.get("refusal")
    logprobs = (choice.get("logprobs") or {}).get("content") or []
    parts = []
    if isinstance(text, str) and text:
        citations = [output_items.citation(annotation) for annotation in message.get("annotations") or ()]
        annotations = [citation for citation in citations if citation is not None]
        parts.append(output_items.text_part(text, annotations, [render_logprob(each) for each in logprobs]))
    if refusal:
        parts.append(output_items.refusal_part(refusal))
    return parts


def render_logprob(logprob: Json) -> Json:
    """Return a token's logprob with `bytes` and `top_logprobs`, which typed clients require."""
    rendered = {**logprob, "bytes": logprob.get("bytes") or []}
    others = [{**each, "bytes": each.get("bytes") or []} for each in logprob.get("top_logprobs") or ()]
    return {**rendered, "top_logprobs": others}
