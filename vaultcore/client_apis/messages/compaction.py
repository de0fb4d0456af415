"""Compaction: a summary in place of the conversation before it.

https://docs.claude.com/en/docs/build-with-claude/compaction. A client asks for it with `compaction`, or with
an edit that takes place above a number of tokens. It gets a block with the summary and sends it back, and
everything before the block is ignored from then on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from vaultcore.casts import cast
from vaultcore.client_apis.messages.parts import object_or_empty
from vaultcore.dialects import Change, Compaction
from vaultcore.usage.token_estimate import estimate_request
from vaultcore.wire import ChatRequest, Json, Message

BLOCK = "compaction"
EDIT = "compact_"  # followed by a date
TRIGGER = 150_000  # input tokens
MIN_TOKENS = 4_096  # of a summary, if the client's limit for its answer is lower
NOT_SUMMARIZED = ("stream", "stream_options", "stop", "response_format", "web_search_options")
LEADING = ("system", "developer")
PROMPT = (
    "Summarize this conversation, so that the work can go on from your summary alone. State the task and the "
    "user's last request in full, what was done, what was found out, with names of files, values and "
    "decisions, and the next steps. Answer with the summary only, and use no tool."
)
SUMMARY = "This conversation was summarized because it grew too long. The summary:\n\n{}"


def compacted_conversation(messages: Sequence[Json]) -> Iterator[tuple[int, Json]]:
    """Yield the messages from the last compaction block on, each with its index, the summary first."""
    position = last_compaction(messages)
    if position is None:
        yield from enumerate(messages)
        return
    i, j, block = position
    yield i, {"role": "user", "content": SUMMARY.format(block["content"])}
    ignored: Json = {"type": BLOCK}  # keeps the indexes of the other blocks
    yield i, {**messages[i], "content": [*[ignored] * (j + 1), *messages[i]["content"][j + 1 :]]}
    yield from ((k, messages[k]) for k in range(i + 1, len(messages)))


def last_compaction(messages: Sequence[Json]) -> tuple[int, int, Json] | None:
    """Return the indexes of the last compaction block with a summary, and the block; None without one."""
    for i in range(len(messages) - 1, -1, -1):
        content = messages[i].get("content")
        blocks = content if isinstance(content, list) else []
        for j in range(len(blocks) - 1, -1, -1):
            block = object_or_empty(blocks[j])
            if block.get("type") == BLOCK and isinstance(block.get("content"), str) and block["content"]:
                return i, j, block
    return None


def find_compaction(body: Json, request: ChatRequest, changes: list[Change]) -> Compaction | None:
    """Return the compaction that the client asks for; None without one, or below its trigger."""
    config = object_or_empty(body.get("compaction"))
    if config:
        changes.append(Change("compaction", "emulated", "the model is asked for the summary"))
        return Compaction(_summary_request(request, config.get("instructions")))
    edits = object_or_empty(body.get("context_management")).get("edits")
    for i, edit in enumerate(edits if isinstance(edits, list) else ()):
        fields = object_or_empty(edit)
        if not str(fields.get("type")).startswith(EDIT):
            continue
        path = f"context_management.edits[{i}]"
        if estimate_request(request) <= _trigger(fields):
            changes.append(Change(path, "emulated", "the conversation is too short for a summary"))
            continue
        changes.append(Change(path, "emulated", "the model is asked for the summary first"))
        if fields.get("pause_after_compaction") is True:
            return Compaction(_summary_request(request, fields.get("instructions")))
        changes.append(Change("messages", "emulated", "the summary takes their place"))
        resume = partial(_resume, request)
        return Compaction(_summary_request(request, fields.get("instructions")), resume)
    return None


def _trigger(edit: Json) -> int:
    value = object_or_empty(edit.get("trigger")).get("value")
    return value if type(value) is int else TRIGGER


def _summary_request(request: ChatRequest, instructions: object) -> ChatRequest:
    """Return the request for a summary. It begins like the conversation, so that a cache is used."""
    prompt = instructions if isinstance(instructions, str) and instructions.strip() else PROMPT
    plain = {name: value for name, value in request.items() if name not in NOT_SUMMARIZED}
    for name in ("max_tokens", "max_completion_tokens"):
        if isinstance(limit := plain.get(name), int):
            plain[name] = max(limit, MIN_TOKENS)
    if request.get("tools"):
        plain["tool_choice"] = "none"
    question: Message = {"role": "user", "content": prompt}
    return cast(ChatRequest, {**plain, "messages": [*(request.get("messages") or ()), question]})


def _resume(request: ChatRequest, summary: str) -> ChatRequest:
    """Return the request with the summary in place of the conversation; unchanged without a summary."""
    if not summary:
        return request
    system = [message for message in request.get("messages") or () if message.get("role") in LEADING]
    continued: Message = {"role": "user", "content": SUMMARY.format(summary)}
    return {**request, "messages": [*system, continued]}
