"""What only Google can read, carried by the client from one turn to the next.

Google's own OpenAI-compatible endpoint puts a call's signature in `extra_content.google.thought_signature`
of the tool call; so do we. For the other parts of an answer the message has `extra_content.google.parts`: a
list of `{start, end, part}`. The text from `start` to `end` was a part of its own, and `part` is what else
was in it; where both are equal, `part` is all of it. Whoever is not Google is never sent any of this.
"""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.wire import Json

SKIP = "skip_thought_signature_validator"  # Google's own word for a call that nobody signed
SERVERS = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")  # of tools on Google's side


def sealed(signature: object) -> Json:
    """What a tool call or an image carries beside itself; empty where it was not signed."""
    if not isinstance(signature, str) or not signature:
        return {}
    return {"extra_content": {"google": {"thought_signature": signature}}}


def kept(index: int, start: int, end: int, part: Json) -> Json:
    """What a message or a delta carries beside itself, of one part."""
    item = {"index": index, "start": start, "end": end, "part": part}
    return {"extra_content": {"google": {"parts": [item]}}}


def signature(holder: Mapping[str, object]) -> str | None:
    """The signature a client brings back with a call, an image or a message."""
    match holder.get("extra_content"):
        case {"google": {"thought_signature": str(told)}} if told:
            return told
        case _:
            return None


def issued(message: Mapping[str, object]) -> bool:
    """Whether a message comes from Google: it or one of its calls carries what only Google gives."""
    calls = message.get("tool_calls")
    holders = (
        [message, *(each for each in calls if isinstance(each, dict))]
        if isinstance(calls, list)
        else [message]
    )
    return any(
        isinstance(extra, dict) and bool(extra.get("google"))
        for extra in (each.get("extra_content") for each in holders)
    )


def pieces(holder: Mapping[str, object], text: str) -> list[Json] | None:
    """A message's text cut into the parts it was; None where they do not fit the text any more."""
    match holder.get("extra_content"):
        case {"google": {"parts": list() as told}} if told:
            pass
        case {"google": {"thought_signature": str(mark)}} if mark:
            return [{"text": text, "thoughtSignature": mark}]
        case _:
            return [{"text": text}] if text else []
    found: list[Json] = []
    at = 0
    for item in told:
        match item:
            case {"start": int(start), "end": int(end), "part": dict() as part}:
                if not (at <= start <= end <= len(text) and _plausible(part)):
                    return None
            case _:
                return None
        if start > at:
            found.append({"text": text[at:start]})
        whole = any(name in part for name in SERVERS)
        found.append(part if whole else {"text": text[start:end], **part})
        at = end
    if at < len(text):
        found.append({"text": text[at:]})
    return found


def _plausible(part: Json) -> bool:
    """Whether a part is one that we gave out: it decides nothing but what goes back to Google."""
    if any(name in part for name in SERVERS):
        return all(isinstance(part.get(name, {}), dict) for name in SERVERS)
    return isinstance(part.get("thoughtSignature"), str) and part.keys() == {"thoughtSignature"}
