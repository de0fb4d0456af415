"""Cohere's answer as a chat completion: https://docs.cohere.com/v2/reference/chat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from vaultcore.dialects import ErrorDetail, StreamFault, repair
from vaultcore.dialects.json_fields import an_object, string
from vaultcore.dialects.provider_error import complaint
from vaultcore.wire import ChatCompletion, FinishReason, Json, Usage

FINISH: Mapping[str, FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}
FAILED = {"ERROR": None, "TIMEOUT": 504}  # finish reasons that are none, and what they amount to


def parse_completion(body: Json) -> ChatCompletion:
    told = an_object(body, "an answer")
    if "message" in told and not isinstance(told["message"], dict):
        raise repair.fault(told)  # an error answer: its message is text
    said = _message(an_object(told.get("message"), "a message"), told.get("id"))
    choice: Json = {"index": 0, "message": said, "logprobs": None}
    if isinstance(told.get("logprobs"), list):
        choice["logprobs"] = logprobs(told["logprobs"])
    called = bool(said.get("tool_calls"))
    spoken = bool(said["content"] or said.get("reasoning_content"))
    choice["finish_reason"] = finish_reason(told.get("finish_reason"), called=called, said=spoken)
    completion: Json = {
        "id": string(told, "id"),
        "object": "chat.completion",
        "created": 0,  # the API does not say
        "model": "",  # nor which model it was
        "choices": [choice],
    }
    if (counted := usage(told.get("usage"))) is not None:
        completion["usage"] = counted
    return cast(ChatCompletion, completion)


def parse_error(status: int, body: bytes) -> ErrorDetail:  # noqa: ARG001 - the Protocol's
    return complaint(body)


def finish_reason(reason: object, *, called: bool, said: bool, error: object = None) -> FinishReason:
    """The reason in OpenAI's words; one that means a failure is raised as such."""
    if isinstance(reason, str) and reason in FAILED:
        told = error if isinstance(error, str) and error else f"the answer ended with {reason}"
        raise StreamFault(ErrorDetail(told), FAILED[reason])
    if isinstance(reason, str) and reason in FINISH:
        known = FINISH[reason]
        return "stop" if known == "tool_calls" and not called else known
    return repair.finish_reason(reason, called=called, said=said)


def usage(told: object) -> Usage | None:
    """What went through the model; what is charged, less than that, stands in `billed`."""
    if not isinstance(told, dict):
        return None
    through, charged = told.get("tokens"), told.get("billed_units")
    counted = through if isinstance(through, dict) else charged
    if not isinstance(counted, dict):
        return None
    prompt, completion = repair.count(counted, "input_tokens"), repair.count(counted, "output_tokens")
    out: Json = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": min(repair.count(told, "cached_tokens"), prompt)},
    }
    if isinstance(charged, dict):
        out["billed"] = {
            "prompt_tokens": repair.count(charged, "input_tokens"),
            "completion_tokens": repair.count(charged, "output_tokens"),
        }
    return cast(Usage, out)


def citations(told: object, starts: Mapping[int, int]) -> list[Json]:
    """Citations of the text as annotations. A block of the text begins at `starts[index of the block]`."""
    found = []
    for each in told if isinstance(told, list) else [told]:
        if not isinstance(each, dict) or each.get("type", "TEXT_CONTENT") != "TEXT_CONTENT":
            continue
        offset = starts.get(repair.count(each, "content_index"), 0)
        start, end = offset + repair.count(each, "start"), offset + repair.count(each, "end")
        sources = each.get("sources")
        for source in sources if isinstance(sources, list) else ():
            if isinstance(source, dict):
                place = {"start_index": start, "end_index": end, **_source(source)}
                found.append({"type": "url_citation", "url_citation": place})
    return found


def logprobs(told: list[object]) -> Json:
    """One entry per token that was written, as OpenAI gives them."""
    content = []
    for item in told:
        if not isinstance(item, dict):
            continue
        text, chances = string(item, "text"), item.get("logprobs")
        numbers = [n for n in chances if isinstance(n, int | float)] if isinstance(chances, list) else []
        entry = {"token": text, "logprob": float(sum(numbers)), "bytes": list(text.encode(errors="replace"))}
        content.append({**entry, "top_logprobs": []})
    return {"content": content, "refusal": None}


def call(raw: object, answer: object, position: int) -> Json:
    """A call, with an id of ours where it came without."""
    told = an_object(raw, "a tool call")
    function = an_object(told.get("function") or {}, "a function")
    return {
        "id": string(told, "id") or repair.identity("call_", answer, position),
        "type": "function",
        "function": {
            "name": string(function, "name"),
            "arguments": repair.arguments_text(function.get("arguments")),
        },
    }


def _source(source: Json) -> Json:
    """Where a citation leads: the document's own address if it tells one, else its id here."""
    document = source.get("document")
    document = document if isinstance(document, dict) else {}
    place = f"{string(source, 'type') or 'document'}:{string(source, 'id')}"
    return {"url": string(document, "url") or place, "title": string(document, "title")}


def _message(told: Json, answer: object) -> Json:
    said, thought, starts = "", "", dict[int, int]()
    content = told.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for i, block in enumerate(blocks if isinstance(blocks, list) else ()):
        match block:
            case {"type": "thinking"}:
                thought += string(block, "thinking")
            case {"text": str(text)}:
                starts[i] = len(said)
                said += text
    calls = told.get("tool_calls")
    calls = [call(raw, answer, i) for i, raw in enumerate(calls)] if isinstance(calls, list) else []
    for each in calls:
        each["function"]["arguments"] = each["function"]["arguments"].strip() or "{}"
    message: Json = {"role": "assistant", "content": said or (None if calls else ""), "refusal": None}
    if thought := thought + string(told, "tool_plan"):
        message["reasoning_content"] = thought
    if calls:
        message["tool_calls"] = calls
    if cited := citations(told.get("citations") or [], starts):
        message["annotations"] = cited
    return message
