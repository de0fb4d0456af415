"""A chat completion as a response object: https://platform.openai.com/docs/api-reference/responses/object."""

from __future__ import annotations

from typing import cast

from vaultcore.client_apis.responses import output
from vaultcore.client_apis.responses.request import RequestFields
from vaultcore.client_apis.responses.response_object import finished, frame
from vaultcore.client_apis.responses.tools import customs
from vaultcore.wire import ChatCompletion, ChatRequest, Json


def render_answer(completion: ChatCompletion, request: ChatRequest | RequestFields) -> Json:
    body = request.body if isinstance(request, RequestFields) else {}
    answer, choice = completion.get("id", ""), completion["choices"][0]
    items: list[Json] = []

    def place(kind: str) -> str:
        return output.named(kind, answer, len(items))

    message = cast(Json, choice["message"])
    words, blocks = message.get("reasoning_content") or "", message.get("thinking_blocks") or []
    if words or blocks:
        items.append(output.reasoning(place("reasoning"), words, blocks))
    reason = choice["finish_reason"]
    calls = message.get("tool_calls") or []
    content = _content(message, cast(Json, choice))
    if content or not calls:
        status = "incomplete" if reason == "length" and not calls else "completed"
        items.append(output.message(place("message"), content, status=status))
    for told in calls:
        made = output.call(
            "", told, customs(body), status="incomplete" if reason == "length" else "completed"
        )
        items.append({**made, "id": place(made["type"])})
    begun = frame(
        body, answer=answer, created=completion.get("created", 0), model=completion.get("model", "")
    )
    if tier := completion.get("service_tier"):
        begun["service_tier"] = tier
    return finished(begun, items, reason, completion.get("usage"))


def _content(message: Json, choice: Json) -> list[Json]:
    said, refused = message.get("content"), message.get("refusal")
    said = said if isinstance(said, str) else ""
    found = [output.citation(each) for each in message.get("annotations") or ()]
    logprobs = (choice.get("logprobs") or {}).get("content") or []
    parts = []
    if said:
        cited = [each for each in found if each is not None]
        parts.append(output.text_part(said, cited, [plain(each) for each in logprobs]))
    if refused:
        parts.append(output.refusal_part(refused))
    return parts


def plain(logprob: Json) -> Json:
    """A token's logprob as typed clients want it: with bytes, and with what else there might have been."""
    told = {**logprob, "bytes": logprob.get("bytes") or []}
    others = [{**each, "bytes": each.get("bytes") or []} for each in logprob.get("top_logprobs") or ()]
    return {**told, "top_logprobs": others}
