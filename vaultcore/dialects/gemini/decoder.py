"""A streamed Gemini response as chunks: https://ai.google.dev/api/generate-content.

Every event is a response that contains the next parts of the whole one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.dialects import repair
from vaultcore.dialects.gemini import opaque_state
from vaultcore.dialects.gemini.grounding import count_searches, parse_grounding
from vaultcore.dialects.gemini.json_array_stream import candidate_index, list_candidates, list_parts
from vaultcore.dialects.gemini.logprobs import parse_logprobs
from vaultcore.dialects.gemini.partial_arguments import StreamedFunctionCall
from vaultcore.dialects.gemini.response import (
    blocked_finish,
    parse_audio,
    parse_block_message,
    parse_block_reason,
    parse_call,
    parse_finish,
    parse_image,
    parse_usage,
)
from vaultcore.dialects.json_fields import parse_event, string_field
from vaultcore.lazy_dataclass import dataclass
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChunkChoice, Delta, Json, ToolCall

if TYPE_CHECKING:
    from vaultcore.dialects.gemini.wire import (
        GeminiBlob,
        GeminiFunctionCall,
        GeminiGroundingMetadata,
        GeminiPart,
        GeminiUsage,
    )


@dataclass(slots=True)
class _CandidateState:
    """The output of one candidate so far."""

    has_role: bool = False  # the chunk with the role is out
    has_output: bool = False
    texts: list[str] = field(default_factory=list)
    length: int = 0  # characters of the texts
    call_count: int = 0
    image_count: int = 0
    state_count: int = 0  # items of extra_content.google.parts
    has_audio: bool = False
    finish_reason: object = None
    finish_message: str = ""
    grounding: GeminiGroundingMetadata | None = None
    partial_call: StreamedFunctionCall | None = None


class Decoder:
    """Turns events into chunks, one chunk for each text.

    The finish reason is sent at the end of the stream, because some models give one and then continue.
    """

    def __init__(self) -> None:
        self._envelope: ChatChunk = {
            "id": "",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": "",
        }
        self._candidates: dict[int, _CandidateState] = {}
        self._usage: GeminiUsage = {}
        self._groundings: list[GeminiGroundingMetadata] = []  # all that have arrived
        self._block_reason: str | None = None
        self._block_message: str | None = None
        self._response_id = ""

    def feed(self, item: Event) -> Iterable[ChatChunk]:
        if not item.data or item.data.strip() in {"", "[DONE]"}:
            return ()
        event = parse_event(item)
        if event.get("error"):
            raise repair.stream_fault(event)
        if not self._envelope["model"]:
            self._set_envelope(event)
        self._merge_usage(event.get("usageMetadata"))
        if block_reason := parse_block_reason(event.get("promptFeedback")):
            self._block_reason, self._block_message = (
                block_reason,
                parse_block_message(event.get("promptFeedback")),
            )
        chunks: list[ChatChunk] = []
        for position, candidate in enumerate(list_candidates(event)):
            index = candidate_index(candidate, position)
            state = self._candidates.setdefault(index, _CandidateState())
            for part in list_parts(candidate):
                chunks += self._read_part(index, state, part)
            state.finish_reason = candidate.get("finishReason") or state.finish_reason
            state.finish_message = string_field(candidate, "finishMessage") or state.finish_message
            if grounding := candidate.get("groundingMetadata"):
                state.grounding = grounding
                self._groundings.append(grounding)
                chunks.append({**self._envelope, "choices": [], "usage": parse_usage(None, self._searches)})
            if logprobs := parse_logprobs(candidate.get("logprobsResult")):
                chunk = self._chunk(index, {})
                chunk["choices"][0]["logprobs"] = logprobs
                chunks.append(chunk)
        return chunks

    def close(self) -> Iterable[ChatChunk]:
        chunks: list[ChatChunk] = []
        if self._block_reason and not self._candidates:
            state = self._candidates.setdefault(0, _CandidateState())
            chunks.append(self._output(0, state, {"content": ""}))
            if self._block_message:
                chunks.append(self._chunk(0, {"refusal": self._block_message}))
            chunks.append(self._finish_chunk(0, blocked_finish(self._block_reason)))
        else:
            for index, state in sorted(self._candidates.items()):
                chunks += self._finish(index, state)
        if self._usage:
            usage = parse_usage(self._usage, self._searches)
            chunks.append({**self._envelope, "choices": [], "usage": usage})
        return chunks

    @property
    def _searches(self) -> dict[str, int]:
        """Return the uses of Google's searches so far."""
        return count_searches(self._groundings)

    def _set_envelope(self, event: Json) -> None:
        self._response_id = self._response_id or string_field(event, "responseId")
        self._envelope["id"] = self._response_id
        self._envelope["model"] = string_field(event, "modelVersion")

    def _merge_usage(self, usage: GeminiUsage | None) -> None:
        """Replace the counts that the event contains: each is the total so far, and events omit some."""
        if isinstance(usage, dict):
            for name, count in usage.items():
                if count is not None:
                    self._usage[name] = count  # type: ignore[literal-required]  # any field of the provider

    def _read_part(self, index: int, state: _CandidateState, part: GeminiPart) -> list[ChatChunk]:
        match part:
            case {"text": str(text)} if not part.get("thought"):
                return self._text(index, state, text, string_field(part, "thoughtSignature"))
            case {"text": str(text)}:
                return self._reasoning(index, state, text)
            case {"functionCall": dict()}:
                return self._call(index, state, part["functionCall"], part)
            case {"inlineData": dict()}:
                return self._media(index, state, part, part["inlineData"])
            case _ if any(name in part for name in opaque_state.SERVER_PARTS):
                return [self._opaque_state(index, state, state.length, part)]
            case _:
                return self._text(index, state, "", string_field(part, "thoughtSignature"))

    def _reasoning(self, index: int, state: _CandidateState, text: str) -> list[ChatChunk]:
        state.has_output |= bool(text)
        return [self._output(index, state, {"reasoning_content": text})] if text else []

    def _media(
        self, index: int, state: _CandidateState, part: GeminiPart, blob: GeminiBlob
    ) -> list[ChatChunk]:
        state.has_output = True
        if string_field(blob, "mimeType").startswith("audio/"):
            audio = parse_audio(blob, self._response_id, index, {})
            delta = {"data": audio["data"]} if state.has_audio else audio
            state.has_audio = True
            return [self._output(index, state, {"audio": delta})]
        state.image_count += 1
        return [self._output(index, state, {"images": [parse_image(part, blob, state.image_count - 1)]})]

    def _text(self, index: int, state: _CandidateState, text: str, signature: str) -> list[ChatChunk]:
        start = state.length
        chunks = []
        if text:
            state.has_output = True
            state.texts.append(text)
            state.length += len(text)
            chunks.append(self._output(index, state, {"content": text}))
        if signature:
            chunks.append(self._opaque_state(index, state, start, {"thoughtSignature": signature}))
        return chunks

    def _opaque_state(self, index: int, state: _CandidateState, start: int, part: GeminiPart) -> ChatChunk:
        item = opaque_state.build_item(state.state_count, start, state.length, part)
        state.state_count += 1
        return self._output(index, state, {"extra_content": {"google": {"parts": [item]}}})

    def _call(
        self, index: int, state: _CandidateState, call: GeminiFunctionCall, part: GeminiPart
    ) -> list[ChatChunk]:
        """Return a complete call. A call may also come as a name and fragments of its arguments."""
        if state.partial_call is None and not call.get("willContinue"):
            return [self._complete_call(index, state, call, part)]
        if state.partial_call is None:
            state.partial_call = StreamedFunctionCall(call, part)
        continues = state.partial_call.add(call)
        return [] if continues else self._end_partial_call(index, state)

    def _end_partial_call(self, index: int, state: _CandidateState) -> list[ChatChunk]:
        partial, state.partial_call = state.partial_call, None
        return [] if partial is None else [self._complete_call(index, state, partial.call, partial.part)]

    def _complete_call(
        self, index: int, state: _CandidateState, call: GeminiFunctionCall, part: GeminiPart
    ) -> ChatChunk:
        parsed = parse_call(call, part, self._response_id, index, state.call_count)
        tool_call: ToolCall = {"index": state.call_count, **parsed}
        state.call_count += 1
        return self._output(index, state, {"tool_calls": [tool_call]})

    def _finish(self, index: int, state: _CandidateState) -> list[ChatChunk]:
        chunks = self._end_partial_call(index, state)
        if state.finish_reason is None:
            return chunks  # the stream was cut off
        if not state.has_role:
            chunks.append(self._output(index, state, {"content": ""}))
        if annotations := parse_grounding(state.grounding, "".join(state.texts)):
            numbered = [{"index": i, **annotation} for i, annotation in enumerate(annotations)]
            chunks.append(self._chunk(index, {"annotations": numbered}))
        finish = parse_finish(
            state.finish_reason,
            has_calls=bool(state.call_count),
            has_output=state.has_output,
            message=state.finish_message,
        )
        if finish["finish_reason"] == "content_filter" and state.finish_message and not state.has_output:
            chunks.append(self._chunk(index, {"refusal": state.finish_message}))
        return [*chunks, self._finish_chunk(index, finish)]

    def _output(self, index: int, state: _CandidateState, delta: Delta) -> ChatChunk:
        """Return a chunk with the delta. A candidate's first chunk contains the role and the usage so far."""
        if state.has_role:
            return self._chunk(index, delta)
        state.has_role = True
        chunk = self._chunk(index, {"role": "assistant", "content": "", **delta})
        if self._usage:
            chunk["usage"] = parse_usage(self._usage)  # so that a stream that breaks off can be billed
        return chunk

    def _chunk(self, index: int, delta: Delta) -> ChatChunk:
        return {**self._envelope, "choices": [{"index": index, "delta": delta, "finish_reason": None}]}

    def _finish_chunk(self, index: int, finish: Json) -> ChatChunk:
        choice = cast(ChunkChoice, {"index": index, "delta": {}, **finish})
        return {**self._envelope, "choices": [choice]}
