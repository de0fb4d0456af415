"""Content parts that no target of a call can carry: text notes in their place.

Some clients, such as coding agents, cannot do without a part once it is in their conversation: every further
request would fail. Targets that can carry all parts come first; notes are for requests without such a target.
"""

from __future__ import annotations

import re

from vaultcore.call import Call
from vaultcore.casts import cast
from vaultcore.dialects import Change
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

MEDIA = ("image_url", "file", "input_audio", "video_url")  # types of parts that a note can replace
LONGEST_NAME = 300  # characters of a URL or a file name in a note
_PART = re.compile(r"messages\[(\d+)\]\.content\[(\d+)\]")
_REMOTE = re.compile(r"https?://", re.IGNORECASE)


def allow_notes(call: Call) -> bool:
    """Let notes replace what no target of the call can carry. Return False if they may not."""
    outcome = call.outcome
    if call.strict or outcome.has_notes or call.native is None or not call.native.accepts_notes:
        return False
    outcome.has_notes = True
    outcome.decision.restart()
    return True


def replace_parts(request: ChatRequest, error: InvalidRequest) -> tuple[ChatRequest, list[Change]] | None:
    """Return the request with a note for the part at fault and for those like it, and the changes.

    None if the error is not about a part that a note can replace. `error.param` is a path of the request.
    """
    match = _PART.match(error.param or "")
    part = _part_at(request, int(match[1]), int(match[2])) if match else None
    if match is None or part is None or part.get("type") not in MEDIA:
        return None
    kind, changes = _kind(part), list[Change]()
    messages = list[Json]()
    for i, message in enumerate(cast("list[Json]", request["messages"])):
        content = message.get("content")
        parts = list(content) if isinstance(content, list) else []
        for j, each in enumerate(parts):
            at_fault = (i, j) == (int(match[1]), int(match[2]))
            if at_fault or (kind[1] != "" and isinstance(each, dict) and _kind(each) == kind):
                parts[j] = _note(each)
                changes.append(Change(f"messages[{i}].content[{j}]", "dropped", f"a note says so: {error}"))
        messages.append({**message, "content": parts} if parts else message)
    return cast(ChatRequest, {**request, "messages": messages}), changes


def _part_at(request: ChatRequest, message: int, part: int) -> Json | None:
    messages = request["messages"]
    content = messages[message].get("content") if message < len(messages) else None
    content_part = content[part] if isinstance(content, list) and part < len(content) else None
    return content_part if isinstance(content_part, dict) else None


def _source(part: Json) -> tuple[str, str]:
    """Return the URL or data of a part, and the name of its file."""
    value = part.get(str(part.get("type")))
    fields = value if isinstance(value, dict) else {"url": value}
    location = fields.get("url") or fields.get("file_data") or fields.get("data") or ""
    return str(location), str(fields.get("filename") or "")


def _kind(part: Json) -> tuple[str, str]:
    """Return the type of a part and the form of its data, "" for data whose format may be at fault."""
    kind, (location, _) = str(part.get("type")), _source(part)
    if kind != "image_url":
        return kind, "any"
    return kind, "remote" if _REMOTE.match(location) else ""


def _note(part: Json) -> Json:
    location, name = _source(part)
    title = {"image_url": "image", "input_audio": "sound", "video_url": "video"}.get(part["type"], "document")
    label = name or (location if _REMOTE.match(location) else "")
    text = (
        f"[An attachment was left out, because this model cannot receive it: {title} {label[:LONGEST_NAME]}"
    )
    note: Json = {"type": "text", "text": f"{text.rstrip()}]"}
    return {**note, "cache_control": part["cache_control"]} if "cache_control" in part else note
