"""Output items, whole: thoughts, messages, calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vaultcore.client_apis.responses.tools import unwrap
from vaultcore.dialects import repair
from vaultcore.dialects.responses.envelope import seal
from vaultcore.wire import Json


def reasoning(identity: str, words: str, blocks: Sequence[Json]) -> Json:
    """What was thought: its text as a summary, and what its issuer wants back in an envelope."""
    summary = [summary_part(words)] if words else []
    item: Json = {"id": identity, "type": "reasoning", "summary": summary, "status": "completed"}
    plain = [{name: value for name, value in each.items() if name != "index"} for each in blocks]
    return {**item, "encrypted_content": seal(plain)} if blocks else item


def summary_part(words: str) -> Json:
    return {"type": "summary_text", "text": words}


def message(identity: str, content: list[Json], *, status: str = "completed") -> Json:
    return {
        "id": identity,
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def text_part(words: str, annotations: Iterable[Json] = (), logprobs: Sequence[Json] = ()) -> Json:
    return {
        "type": "output_text",
        "text": words,
        "annotations": list(annotations),
        "logprobs": list(logprobs),
    }


def refusal_part(words: str) -> Json:
    return {"type": "refusal", "refusal": words}


def citation(told: Json) -> Json | None:
    """An annotation as Responses have it: flat."""
    match told:
        case {"type": "url_citation", "url_citation": dict() as cited}:
            return {"type": "url_citation", "title": "", **cited}
        case _:
            return None


def call(identity: str, told: Json, customs: frozenset[str], *, status: str = "completed") -> Json:
    """A call: one of a custom tool has its input taken out of the arguments of its function again."""
    given = told.get("custom") or told.get("function") or {}
    name = str(given.get("name") or "")
    head: Json = {"id": identity, "call_id": str(told.get("id") or ""), "name": name, "status": status}
    if "custom" in told:
        return {**head, "type": "custom_tool_call", "input": str(given.get("input") or "")}
    arguments = str(given.get("arguments") or "")
    if name in customs:
        return {**head, "type": "custom_tool_call", "input": unwrap(arguments)}
    return {**head, "type": "function_call", "arguments": arguments}


def named(kind: str, answer: str, place: int) -> str:
    """The id of the item at that place in the output: the same in every event, and in the whole answer."""
    return repair.identity(PREFIXES[kind], answer, place)


PREFIXES = {"reasoning": "rs_", "message": "msg_", "function_call": "fc_", "custom_tool_call": "ctc_"}
