"""Checks the types in chat-completion responses of providers, so that later code can rely on them.

https://platform.openai.com/docs/api-reference/chat/object. The functions work on parts that the caller parsed
and owns. A value that the response cannot do without raises ValueError; an optional one is removed.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Mapping

from vaultcore.wire import Json, is_count

OBJECT_LISTS = ("thinking_blocks", "annotations")  # optional fields of a message or delta
BLOCK_TEXTS = ("type", "thinking", "signature", "data")  # fields of a thinking block


def check_output(holder: Json) -> None:
    """Check the fields of a message or delta except tool calls; remove unusable optional ones, in place.

    Raise ValueError if its content or refusal is unusable.
    """
    content = holder.get("content")
    if isinstance(content, list):
        if not all(isinstance(part, dict | str) for part in content):
            raise ValueError("the content of a message is not a list of objects")
    elif content is not None and not isinstance(content, str):
        raise ValueError("the content of a message is neither text nor a list")
    refusal = holder.get("refusal")
    if refusal is not None and not isinstance(refusal, str):
        raise ValueError("the refusal of a message is not a string")
    for name in OBJECT_LISTS:
        if name in holder and not _is_object_list(holder[name]):
            del holder[name]
    if not all(map(_is_block, holder.get("thinking_blocks") or ())):
        del holder["thinking_blocks"]
    if not isinstance(holder.get("function_call"), dict | None):
        del holder["function_call"]


def check_call(call: Json) -> None:
    """Raise ValueError if a tool call, or a fragment of one, has an unusable function or custom tool."""
    for kind, text in (("function", "arguments"), ("custom", "input")):
        value = call.get(kind)
        if value is None and (kind == "function" or kind not in call):
            continue
        if not isinstance(value, dict) or not isinstance(value.get("name"), str | None):
            raise ValueError(f"a tool call has an unusable {kind}")  # noqa: TRY004 - bad data
        if kind == "custom" and not isinstance(value.get(text), str | None):
            raise ValueError("the input of a tool call is not a string")  # arguments may be an object


def check_calls(holder: Json) -> None:
    """Raise ValueError if the tool calls of a message or delta are not a list of usable objects."""
    calls = holder.get("tool_calls")
    if not calls:
        return
    if not isinstance(calls, list) or not _is_object_list(calls):
        raise ValueError("the tool calls of a message are not a list of objects")
    for call in calls:
        check_call(call)


def check_choice(choice: Json) -> None:
    """Raise ValueError for a finish reason that is no string; remove unusable logprobs, in place."""
    reason = choice.get("finish_reason")
    if reason is not None and not isinstance(reason, str):
        raise ValueError("the finish reason of a choice is not a string")
    if choice.get("logprobs") is not None and not has_valid_logprobs(choice["logprobs"]):
        choice["logprobs"] = None
    for token in (choice.get("logprobs") or {}).get("content") or ():
        for each in (token, *(token.get("top_logprobs") or ())):
            each["bytes"] = _byte_list(each.get("bytes"))


def _byte_list(value: object) -> list[int] | None:
    """Return the bytes of a token as OpenAI lists them; some providers send base64."""
    if isinstance(value, list) and all(type(each) is int for each in value):
        return value
    try:
        return list(a2b_base64(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def has_valid_logprobs(logprobs: object) -> bool:
    """Return True if the tokens of `logprobs` are objects, and so are their alternatives."""
    if not isinstance(logprobs, dict):
        return False
    tokens = logprobs.get("content")
    return tokens is None or (
        _is_object_list(tokens) and all(_is_object_list(token.get("top_logprobs") or []) for token in tokens)
    )


def usable_details(details: Mapping[str, object]) -> Json:
    """Return the details of usage without token counts that are no counts."""
    return {
        name: value
        for name, value in details.items()
        if value is None or not name.endswith("_tokens") or is_count(value)
    }


def _is_object_list(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(item, dict) for item in value))


def _is_block(block: Json) -> bool:
    has_texts = all(isinstance(block.get(name), str | None) for name in BLOCK_TEXTS)
    return has_texts and ("index" not in block or type(block["index"]) is int)
