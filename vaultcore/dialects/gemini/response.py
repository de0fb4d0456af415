"""An answer as a chat completion."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import cast

from vaultcore.dialects import ErrorDetail, StreamFault, repair
from vaultcore.dialects.gemini import signatures
from vaultcore.dialects.gemini.grounding import citations
from vaultcore.dialects.gemini.json_array_stream import objects, parts, place, whole
from vaultcore.dialects.gemini.logprobs import logprobs
from vaultcore.dialects.json_fields import dump, string
from vaultcore.dialects.provider_error import complaint
from vaultcore.wire import ChatCompletion, FinishReason, Json, Usage

PLAIN: Mapping[str, FinishReason] = {"STOP": "stop", "MAX_TOKENS": "length", "CONTINUATION": "length"}
FAILED = frozenset(  # the model's own mishaps: another attempt may do better
    [
        *("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"),
        *("MALFORMED_RESPONSE", "MISSING_THOUGHT_SIGNATURE"),
    ]
)
WITHHELD = frozenset(
    [
        *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "OTHER"),
        *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "IMAGE_OTHER", "NO_IMAGE"),
        *("MODEL_ARMOR", "ESCALATION", "PUP_LIMITED_DISABLED"),
    ]
)
KEY = "API_KEY_INVALID"
KINDS = {  # of tokens, as they are priced: pages of a document are pictures
    "AUDIO": "audio_tokens",
    "IMAGE": "image_tokens",
    "DOCUMENT": "image_tokens",
    "VIDEO": "video_tokens",
}


def parse_completion(body: Json) -> ChatCompletion:
    told = whole(body)
    if told.get("error"):
        raise repair.fault(told["error"])
    candidates = objects(told, "candidates")
    if not candidates and not blocked(told):
        raise ValueError("an answer without candidates")
    identity = string(told, "responseId")
    completion: Json = {
        "id": identity or repair.identity("chatcmpl-", dump(candidates)),
        "object": "chat.completion",
        "created": 0,  # the API does not say
        "model": string(told, "modelVersion"),
        "choices": [
            _choice(place(candidate, at), candidate, identity) for at, candidate in enumerate(candidates)
        ]
        or [{"index": 0, "message": _silent(), **blocking(told)}],
    }
    if isinstance(told.get("usageMetadata"), dict):
        completion["usage"] = usage(told["usageMetadata"])
    return cast(ChatCompletion, completion)


def parse_error(status: int, body: bytes) -> ErrorDetail:  # noqa: ARG001 - the Protocol's
    """A refused key comes as a bad request like any other: what tells it apart is a reason in the details."""
    found = complaint(body)
    try:
        refused = KEY in _reasons(json.loads(body))
    except (ValueError, RecursionError):
        refused = False
    return ErrorDetail(found.message, KEY, found.param) if refused else found


def finish(reason: object, *, called: bool, said: bool) -> Json:
    """Why a candidate ended, in OpenAI's words and, where those say less, in Gemini's too."""
    if not isinstance(reason, str):
        return {"finish_reason": repair.finish_reason(reason, called=called, said=said)}
    if reason in FAILED and not (called or said):
        raise StreamFault(ErrorDetail(f"the answer ended with {reason}", reason))
    if reason in WITHHELD:
        return {"finish_reason": "content_filter", "native_finish_reason": reason}
    known = PLAIN.get(reason)
    if known == "length":
        return {"finish_reason": "length"}
    if known is None and reason not in FAILED:
        repair.finish_reason(reason, called=called, said=said)  # raises where nothing was said
    plain = {} if known else {"native_finish_reason": reason}
    return {"finish_reason": "tool_calls" if called else "stop", **plain}


def blocked(told: Json) -> str | None:
    """Why the prompt was not let through."""
    match told.get("promptFeedback"):
        case {"blockReason": str(reason)} if reason:
            return reason
        case _:
            return None


def blocking(told: Json) -> Json:
    return {"finish_reason": "content_filter", "native_finish_reason": blocked(told)}


def usage(told: Json) -> Usage:
    """Usage whose prompt counts what tools on Google's side put in, and whose completion the thoughts."""
    prompt = _count(told, "promptTokenCount") + _count(told, "toolUsePromptTokenCount")
    thoughts = _count(told, "thoughtsTokenCount")
    completion = _count(told, "candidatesTokenCount") + thoughts
    went_in: Json = {
        "cached_tokens": _count(told, "cachedContentTokenCount"),
        **_kinds(told, "promptTokensDetails", "toolUsePromptTokensDetails"),
    }
    if cached := _kinds(told, "cacheTokensDetails"):
        went_in["cached_tokens_details"] = cached
    counted: Usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": went_in,
        "completion_tokens_details": {
            "reasoning_tokens": thoughts,
            **_kinds(told, "candidatesTokensDetails"),
        },
    }
    return counted


def call(told: Json, part: Json, identity: str, index: int, position: int) -> Json:
    """A tool call. One without an id gets one that is the same for the same call of the same answer."""
    text = dump(told["args"] if isinstance(told.get("args"), dict) else {})
    name = string(told, "name")
    known = string(told, "id")
    return {
        "id": known or repair.identity("call_", identity, index, position, name, text),
        "type": "function",
        "function": {"name": name, "arguments": text},
        **signatures.sealed(part.get("thoughtSignature")),
    }


def picture(part: Json, blob: Json, index: int) -> Json:
    """An image in the answer."""
    url = f"data:{string(blob, 'mimeType')};base64,{string(blob, 'data')}"
    image = {"index": index, "type": "image_url", "image_url": {"url": url}}
    return {**image, **signatures.sealed(part.get("thoughtSignature"))}


def sound(blob: Json, identity: str, index: int, before: Json) -> Json:
    """Speech in the answer, after what has come of it before."""
    data = string(before, "data") + string(blob, "data")
    return {"id": repair.identity("audio_", identity, index), "data": data, "expires_at": 0, "transcript": ""}


def _choice(index: int, candidate: Json, identity: str) -> Json:
    found = _Read(identity, index)
    for part in parts(candidate):
        found.take(part)
    message = found.message(candidate)
    called, said = bool(found.calls), bool(found.said or found.thought or found.images or found.sound)
    choice: Json = {
        "index": index,
        "message": message,
        **finish(candidate.get("finishReason"), called=called, said=said),
    }
    told = logprobs(candidate.get("logprobsResult"))
    return {**choice, "logprobs": told} if told else choice


class _Read:
    """The parts of one candidate, read one after the other."""

    def __init__(self, identity: str, index: int) -> None:
        self.identity, self.index = identity, index
        self.said = self.thought = ""
        self.starts: list[int] = []  # where in the text each part begins
        self.calls: list[Json] = []
        self.images: list[Json] = []
        self.sound: Json = {}
        self.kept: list[Json] = []

    def take(self, part: Json) -> None:
        self.starts.append(len(self.said))
        match part:
            case {"text": str(text)} if not part.get("thought"):
                self._text(text, string(part, "thoughtSignature"))
            case {"text": str(text)}:
                self.thought += text
            case {"functionCall": dict() as told}:
                self.calls.append(call(told, part, self.identity, self.index, len(self.calls)))
            case {"inlineData": dict() as blob}:
                self._draw(part, blob)
            case _ if any(name in part for name in signatures.SERVERS):
                self._keep(len(self.said), part)
            case _:
                self._text("", string(part, "thoughtSignature"))

    def _draw(self, part: Json, blob: Json) -> None:
        if string(blob, "mimeType").startswith("audio/"):
            self.sound = sound(blob, self.identity, self.index, self.sound)
        else:
            self.images.append(picture(part, blob, len(self.images)))

    def _text(self, text: str, mark: str) -> None:
        start = len(self.said)
        self.said += text
        if mark:
            self._keep(start, {"thoughtSignature": mark})

    def _keep(self, start: int, part: Json) -> None:
        item = signatures.kept(len(self.kept), start, len(self.said), part)
        self.kept += item["extra_content"]["google"]["parts"]

    def message(self, candidate: Json) -> Json:
        message = {**_silent(), "content": self.said or (None if self.calls else "")}
        if self.thought:
            message["reasoning_content"] = self.thought
        if self.calls:
            message["tool_calls"] = self.calls
        if self.images:
            message["images"] = self.images
        if self.sound:
            message["audio"] = self.sound
        if self.kept:
            message["extra_content"] = {"google": {"parts": self.kept}}
        if cited := citations(candidate.get("groundingMetadata"), self.said, self.starts):
            message["annotations"] = cited
        return message


def _silent() -> Json:
    return {"role": "assistant", "content": "", "refusal": None}


def _kinds(told: Json, *names: str) -> Json:
    """Tokens of all kinds but text, which is the rest."""
    kinds: Json = {}
    for name in names:
        details = told.get(name)
        for detail in details if isinstance(details, list) else ():
            kind = KINDS.get(string(detail, "modality")) if isinstance(detail, dict) else None
            if kind is not None:
                kinds[kind] = kinds.get(kind, 0) + _count(detail, "tokenCount")
    return kinds


def _reasons(told: object) -> Sequence[object]:
    match told:
        case [first, *_]:
            return _reasons(first)
        case {"error": {"details": list() as details}}:
            return [detail.get("reason") for detail in details if isinstance(detail, dict)]
        case _:
            return ()


def _count(told: Json, name: str) -> int:
    value = told.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
