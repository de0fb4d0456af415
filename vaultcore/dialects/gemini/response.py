"""A Gemini response as a chat completion: https://ai.google.dev/api/generate-content."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.dialects import ErrorDetail, StreamFault, repair
from vaultcore.dialects.gemini import opaque_state
from vaultcore.dialects.gemini.grounding import count_searches, parse_grounding
from vaultcore.dialects.gemini.json_array_stream import (
    candidate_index,
    join_events,
    list_candidates,
    list_parts,
)
from vaultcore.dialects.gemini.logprobs import parse_logprobs
from vaultcore.dialects.json_fields import dump, string_field
from vaultcore.dialects.provider_error import parse_error_body
from vaultcore.dialects.usage_counts import mark_unusable, read_count, with_tool_uses
from vaultcore.wire import ChatCompletion, FinishReason, Json, ToolCall, Usage

if TYPE_CHECKING:
    from vaultcore.dialects.gemini.wire import (
        GeminiBlob,
        GeminiCandidate,
        GeminiFunctionCall,
        GeminiPart,
        GeminiPromptFeedback,
        GeminiUsage,
    )

FINISH_REASONS: Mapping[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
}
FAILURES = frozenset(  # the model failed: another attempt may succeed
    [
        *("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"),
        *("MALFORMED_RESPONSE", "MISSING_THOUGHT_SIGNATURE"),
    ]
)
FILTERED = frozenset(  # Google withheld the response or the remainder of it
    [
        *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "OTHER"),
        *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "IMAGE_OTHER", "NO_IMAGE"),
        *("MODEL_ARMOR", "ESCALATION", "PUP_LIMITED_DISABLED"),
    ]
)
INVALID_KEY = "API_KEY_INVALID"
MODALITY_FIELDS = {  # modality -> its field in OpenAI's token details; pages of a document cost like images
    "AUDIO": "audio_tokens",
    "IMAGE": "image_tokens",
    "DOCUMENT": "image_tokens",
    "VIDEO": "video_tokens",
}

COUNTS = ("promptTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
BILLED_TIERS = ("flex", "priority")  # service tiers with prices of their own
NO_USES: Mapping[str, int] = {}


def parse_response(body: Json) -> ChatCompletion:
    """Return the completion. Raise StreamFault for an error object, ValueError for a malformed body."""
    response = join_events(body)
    if response.get("error"):
        raise repair.stream_fault(response)
    candidates = list_candidates(response)
    block_reason = parse_block_reason(response.get("promptFeedback"))
    if not candidates and not block_reason:
        raise ValueError("a response without candidates")
    response_id = string_field(response, "responseId")
    choices = [
        _parse_candidate(candidate_index(candidate, position), candidate, response_id)
        for position, candidate in enumerate(candidates)
    ]
    completion: Json = {
        "id": response_id or repair.derive_id("chatcmpl-", dump(candidates)),
        "object": "chat.completion",
        "created": 0,  # the API does not return it
        "model": string_field(response, "modelVersion"),
        "choices": choices or [_blocked_choice(response.get("promptFeedback"), block_reason)],
    }
    usage = response.get("usageMetadata")
    searches = count_searches([candidate.get("groundingMetadata") for candidate in candidates])
    if isinstance(usage, dict) or searches:
        completion["usage"] = parse_usage(usage, searches)
    return cast(ChatCompletion, completion)


def parse_error(status: int, body: bytes) -> ErrorDetail:  # noqa: ARG001 - a parameter of the protocol
    """Return the content of an error body. An invalid key is a 400 with a reason in its details."""
    detail = parse_error_body(body)
    try:
        is_invalid_key = INVALID_KEY in _error_reasons(json.loads(body))
    except (ValueError, RecursionError):
        is_invalid_key = False
    return ErrorDetail(detail.message, INVALID_KEY, detail.param) if is_invalid_key else detail


def parse_finish(reason: object, *, has_calls: bool, has_output: bool, message: str = "") -> Json:
    """Return OpenAI's `finish_reason` and, if it says less, Gemini's reason as `native_finish_reason`.

    `message` is Google's explanation of the reason.
    Raise StreamFault if the model failed without output, ValueError for an unknown reason without output.
    """
    if not isinstance(reason, str):
        mapped = repair.map_finish_reason(reason, has_calls=has_calls, has_output=has_output)
        return {"finish_reason": mapped}
    if reason in FAILURES and not (has_calls or has_output):
        text = f"the provider ended the response with {reason}"
        raise StreamFault(ErrorDetail(f"{text}: {message}" if message else text, reason))
    if reason in FILTERED:
        return {"finish_reason": "content_filter", "native_finish_reason": reason}
    finish_reason = FINISH_REASONS.get(reason)
    if finish_reason == "length":
        return {"finish_reason": "length"}
    if finish_reason is None and reason not in FAILURES:
        repair.map_finish_reason(reason, has_calls=has_calls, has_output=has_output)  # raises if empty
    native = {} if finish_reason else {"native_finish_reason": reason}
    return {"finish_reason": "tool_calls" if has_calls else "stop", **native}


def parse_block_reason(feedback: GeminiPromptFeedback | None) -> str | None:
    """Return the reason why Google blocked the prompt, or None."""
    return string_field(feedback, "blockReason") or None if isinstance(feedback, dict) else None


def parse_block_message(feedback: GeminiPromptFeedback | None) -> str | None:
    """Return Google's explanation of a blocked prompt, or None."""
    return string_field(feedback, "blockReasonMessage") or None if isinstance(feedback, dict) else None


def _blocked_choice(feedback: GeminiPromptFeedback | None, reason: str | None) -> Json:
    message = {**_empty_message(), "refusal": parse_block_message(feedback)}
    return {"index": 0, "message": message, **blocked_finish(reason)}


def blocked_finish(reason: str | None) -> Json:
    return {"finish_reason": "content_filter", "native_finish_reason": reason}


def parse_usage(usage: GeminiUsage | None, searches: Mapping[str, int] = NO_USES) -> Usage:
    """Return the usage. The prompt includes the input of Google's own tools, the completion the reasoning.

    `searches` are those of `count_searches`; without other usage, they are all that it contains.

    >>> parse_usage({"candidatesTokenCount": 5, "thoughtsTokenCount": 4})["completion_tokens"]
    9
    """
    if not isinstance(usage, dict):
        return with_tool_uses({}, searches)
    prompt = read_count(usage, "promptTokenCount") + read_count(usage, "toolUsePromptTokenCount")
    reasoning = read_count(usage, "thoughtsTokenCount")
    completion = read_count(usage, "candidatesTokenCount") + reasoning
    prompt_details: Json = {
        "cached_tokens": read_count(usage, "cachedContentTokenCount"),
        **_count_modalities(usage, "promptTokensDetails", "toolUsePromptTokensDetails"),
    }
    if cached := _count_modalities(usage, "cacheTokensDetails"):
        prompt_details["cached_tokens_details"] = cached
    parsed: Usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            **_count_modalities(usage, "candidatesTokensDetails"),
        },
    }
    tier = usage.get("serviceTier") or usage.get("trafficType")
    if isinstance(tier, str) and (name := tier.rpartition("_")[2].lower()) in BILLED_TIERS:
        parsed["service_tier"] = name
    return mark_unusable(with_tool_uses(parsed, searches), usage, COUNTS)


def parse_call(
    call: GeminiFunctionCall, part: GeminiPart, response_id: str, index: int, position: int
) -> ToolCall:
    """Return the tool call. A call without an id gets one that is derived from its place in the response."""
    arguments = call.get("args")
    text = dump(arguments if isinstance(arguments, dict) else {})
    name = string_field(call, "name")
    call_id = string_field(call, "id")
    parsed: ToolCall = {
        "id": call_id or repair.derive_id("call_", response_id, index, position, name, text),
        "type": "function",
        "function": {"name": name, "arguments": text},
    }
    if state := opaque_state.wrap_signature(part.get("thoughtSignature")):
        parsed["extra_content"] = state
    return parsed


def parse_image(part: GeminiPart, blob: GeminiBlob, index: int) -> Json:
    """Return an image of the response as a data URI."""
    url = f"data:{string_field(blob, 'mimeType')};base64,{string_field(blob, 'data')}"
    image: Json = {"index": index, "type": "image_url", "image_url": {"url": url}}
    if state := opaque_state.wrap_signature(part.get("thoughtSignature")):
        image["extra_content"] = state
    return image


def parse_audio(blob: GeminiBlob, response_id: str, index: int, previous: Json) -> Json:
    """Return the speech of the response; its data continue those of `previous`."""
    data = string_field(previous, "data") + string_field(blob, "data")
    audio_id = repair.derive_id("audio_", response_id, index)
    return {"id": audio_id, "data": data, "expires_at": 0, "transcript": ""}


def _parse_candidate(index: int, candidate: GeminiCandidate, response_id: str) -> Json:
    reader = _CandidateReader(response_id, index)
    for part in list_parts(candidate):
        reader.add(part)
    message = reader.build_message(candidate)
    has_output = bool(reader.text or reader.reasoning or reader.images or reader.audio)
    explanation = string_field(candidate, "finishMessage")
    finish = parse_finish(
        candidate.get("finishReason"),
        has_calls=bool(reader.calls),
        has_output=has_output,
        message=explanation,
    )
    if finish["finish_reason"] == "content_filter" and not has_output:
        message["refusal"] = explanation or None
    choice: Json = {"index": index, "message": message, **finish}
    if logprobs := parse_logprobs(candidate.get("logprobsResult")):
        choice["logprobs"] = logprobs
    return choice


class _CandidateReader:
    """Collects the parts of one candidate."""

    def __init__(self, response_id: str, index: int) -> None:
        self.response_id, self.index = response_id, index
        self.text = self.reasoning = ""
        self.starts: list[int] = []  # offset of each part in the text
        self.calls: list[ToolCall] = []
        self.images: list[Json] = []
        self.audio: Json = {}
        self.state: list[Json] = []  # items of extra_content.google.parts

    def add(self, part: GeminiPart) -> None:
        self.starts.append(len(self.text))
        match part:
            case {"text": str(text)} if not part.get("thought"):
                self._add_text(text, string_field(part, "thoughtSignature"))
            case {"text": str(text)}:
                self.reasoning += text
            case {"functionCall": dict()}:
                call = parse_call(part["functionCall"], part, self.response_id, self.index, len(self.calls))
                self.calls.append(call)
            case {"inlineData": dict()}:
                self._add_media(part, part["inlineData"])
            case _ if any(name in part for name in opaque_state.SERVER_PARTS):
                self._add_state(len(self.text), part)
            case _:
                self._add_text("", string_field(part, "thoughtSignature"))

    def _add_media(self, part: GeminiPart, blob: GeminiBlob) -> None:
        if string_field(blob, "mimeType").startswith("audio/"):
            self.audio = parse_audio(blob, self.response_id, self.index, self.audio)
        else:
            self.images.append(parse_image(part, blob, len(self.images)))

    def _add_text(self, text: str, signature: str) -> None:
        start = len(self.text)
        self.text += text
        if signature:
            self._add_state(start, {"thoughtSignature": signature})

    def _add_state(self, start: int, part: GeminiPart) -> None:
        self.state.append(opaque_state.build_item(len(self.state), start, len(self.text), part))

    def build_message(self, candidate: GeminiCandidate) -> Json:
        message = {**_empty_message(), "content": self.text or (None if self.calls else "")}
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        if self.calls:
            message["tool_calls"] = self.calls
        if self.images:
            message["images"] = self.images
        if self.audio:
            message["audio"] = self.audio
        if self.state:
            message["extra_content"] = {"google": {"parts": self.state}}
        if annotations := parse_grounding(candidate.get("groundingMetadata"), self.text, self.starts):
            message["annotations"] = annotations
        return message


def _empty_message() -> Json:
    return {"role": "assistant", "content": "", "refusal": None}


def _count_modalities(usage: Mapping[str, object], *names: str) -> Json:
    """Return the tokens of every modality but text, which is the remainder."""
    counts: Json = {}
    for name in names:
        details = usage.get(name)
        for detail in details if isinstance(details, list) else ():
            field = (
                MODALITY_FIELDS.get(string_field(detail, "modality")) if isinstance(detail, dict) else None
            )
            if field is not None:
                counts[field] = counts.get(field, 0) + read_count(detail, "tokenCount")
    return counts


def _error_reasons(body: object) -> Sequence[object]:
    """Return the reasons in an error's details. The body may be an array of the error."""
    match body:
        case [first, *_]:
            return _error_reasons(first)
        case {"error": {"details": list() as details}}:
            return [detail.get("reason") for detail in details if isinstance(detail, dict)]
        case _:
            return ()
