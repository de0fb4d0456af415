"""Complete output items of a response: reasoning and messages. tool_items.py has the tool calls.

https://platform.openai.com/docs/api-reference/responses/object#responses-object-output
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vaultcore.dialects import repair
from vaultcore.dialects.responses.opaque_state import encode_state
from vaultcore.opaque_state.carriers import PLACE
from vaultcore.wire import Json

ID_PREFIXES = {
    "reasoning": "rs_",
    "message": "msg_",
    "function_call": "fc_",
    "custom_tool_call": "ctc_",
    "local_shell_call": "lsh_",
    "shell_call": "sh_",
    "apply_patch_call": "apc_",
    "tool_search_call": "tsc_",
    "compaction": "cmp_",
}


def reasoning(item_id: str, text: str, blocks: Sequence[Json]) -> Json:
    """Return a reasoning item: the text as its summary, the blocks as its `encrypted_content`."""
    summary = [summary_part(text)] if text else []
    item: Json = {"id": item_id, "type": "reasoning", "summary": summary, "status": "completed"}
    without_index = [{name: value for name, value in block.items() if name not in PLACE} for block in blocks]
    return {**item, "encrypted_content": encode_state(without_index)} if blocks else item


def compaction(item_id: str, block: Json) -> Json:
    """Return a compaction item; a block without data is one that has just begun."""
    return {"id": item_id, "type": "compaction", "encrypted_content": block.get("data") or ""}


def summary_part(text: str) -> Json:
    return {"type": "summary_text", "text": text}


def message(item_id: str, content: list[Json], *, status: str = "completed") -> Json:
    return {
        "id": item_id,
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def text_part(text: str, annotations: Iterable[Json] = (), logprobs: Sequence[Json] = ()) -> Json:
    return {
        "type": "output_text",
        "text": text,
        "annotations": list(annotations),
        "logprobs": list(logprobs),
    }


def refusal_part(text: str) -> Json:
    return {"type": "refusal", "refusal": text}


def citation(annotation: Json) -> Json | None:
    """Return a URL citation in the flat form of Responses, or None for another annotation."""
    match annotation:
        case {"type": "url_citation", "url_citation": dict() as citation}:
            return {"type": "url_citation", "title": "", **citation}
        case _:
            return None


def item_id(kind: str, completion_id: str, index: int) -> str:
    """Return the id of the output item at that index, the same in every event and in a buffered response."""
    return repair.derive_id(ID_PREFIXES[kind], completion_id, index)
