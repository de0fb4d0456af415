"""A streamed answer as chunks. Every event is an answer of its own; together they are the whole one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

from vaultcore.dialects import repair
from vaultcore.dialects.gemini import signatures
from vaultcore.dialects.gemini.grounding import citations
from vaultcore.dialects.gemini.json_array_stream import objects, parts, place
from vaultcore.dialects.gemini.logprobs import logprobs
from vaultcore.dialects.gemini.partial_arguments import Assembly
from vaultcore.dialects.gemini.response import (
    blocked,
    blocking,
    call,
    finish,
    picture,
    sound,
    usage,
)
from vaultcore.dialects.json_fields import payload, string
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, Json


@dataclass(slots=True)
class _Candidate:
    """What has been said so far by one candidate."""

    opened: bool = False
    said: bool = False
    texts: list[str] = field(default_factory=list)
    length: int = 0
    calls: int = 0
    images: int = 0
    sounds: bool = False  # some speech has come
    kept: int = 0
    reason: object = None
    grounding: object = None
    building: Assembly | None = None  # a call whose arguments come bit by bit


class Decoder:
    """Events to chunks: one text in, one chunk out.

    Why a candidate ended is told at the end of the stream: some models give a reason and then go on.
    """

    def __init__(self) -> None:
        self._envelope: Json = {"id": "", "object": "chat.completion.chunk", "created": 0, "model": ""}
        self._candidates: dict[int, _Candidate] = {}
        self._usage: Json = {}
        self._blocked: Json = {}
        self._identity = ""

    def feed(self, item: Event) -> Iterable[ChatChunk]:
        if not item.data or item.data.strip() in {"", "[DONE]"}:
            return ()
        told = payload(item)
        if told.get("error"):
            raise repair.fault(told["error"])
        if not self._envelope["model"]:
            self._head(told)
        if isinstance(told.get("usageMetadata"), dict):
            # Counts are of everything so far, and those that have not changed may be left out.
            self._usage.update({name: n for name, n in told["usageMetadata"].items() if n is not None})
        if blocked(told):
            self._blocked = told
        chunks: list[ChatChunk] = []
        for position, candidate in enumerate(objects(told, "candidates")):
            index = place(candidate, position)
            known = self._candidates.setdefault(index, _Candidate())
            for part in parts(candidate):
                chunks += self._part(index, known, part)
            known.reason = candidate.get("finishReason") or known.reason
            known.grounding = candidate.get("groundingMetadata") or known.grounding
            if likely := logprobs(candidate.get("logprobsResult")):
                chunks.append(self._chunk(index, {}, logprobs=likely))
        return chunks

    def close(self) -> Iterable[ChatChunk]:
        chunks: list[ChatChunk] = []
        if self._blocked and not self._candidates:
            known = self._candidates.setdefault(0, _Candidate())
            chunks.append(self._say(0, known, {"content": ""}))
            chunks.append(self._chunk(0, {}, **blocking(self._blocked)))
        else:
            for index, known in sorted(self._candidates.items()):
                chunks += self._finish(index, known)
        if self._usage:
            counted = usage(self._usage)
            chunks.append(cast(ChatChunk, {**self._envelope, "choices": [], "usage": counted}))
        return chunks

    def _head(self, told: Json) -> None:
        self._identity = self._identity or string(told, "responseId")
        self._envelope["id"] = self._identity
        self._envelope["model"] = string(told, "modelVersion")

    def _part(self, index: int, known: _Candidate, part: Json) -> list[ChatChunk]:
        match part:
            case {"text": str(text)} if not part.get("thought"):
                return self._text(index, known, text, string(part, "thoughtSignature"))
            case {"text": str(text)}:
                return self._think(index, known, text)
            case {"functionCall": dict() as told}:
                return self._call(index, known, told, part)
            case {"inlineData": dict() as blob}:
                return self._draw(index, known, part, blob)
            case _ if any(name in part for name in signatures.SERVERS):
                return [self._keep(index, known, known.length, part)]
            case _:
                return self._text(index, known, "", string(part, "thoughtSignature"))

    def _think(self, index: int, known: _Candidate, text: str) -> list[ChatChunk]:
        known.said |= bool(text)
        return [self._say(index, known, {"reasoning_content": text})] if text else []

    def _draw(self, index: int, known: _Candidate, part: Json, blob: Json) -> list[ChatChunk]:
        known.said = True
        if string(blob, "mimeType").startswith("audio/"):
            whole = sound(blob, self._identity, index, {})
            delta, known.sounds = ({"data": whole["data"]} if known.sounds else whole), True
            return [self._say(index, known, {"audio": delta})]
        known.images += 1
        return [self._say(index, known, {"images": [picture(part, blob, known.images - 1)]})]

    def _text(self, index: int, known: _Candidate, text: str, mark: str) -> list[ChatChunk]:
        start = known.length
        chunks = []
        if text:
            known.said = True
            known.texts.append(text)
            known.length += len(text)
            chunks.append(self._say(index, known, {"content": text}))
        if mark:
            chunks.append(self._keep(index, known, start, {"thoughtSignature": mark}))
        return chunks

    def _keep(self, index: int, known: _Candidate, start: int, part: Json) -> ChatChunk:
        kept = signatures.kept(known.kept, start, known.length, part)
        known.kept += 1
        return self._say(index, known, kept)

    def _call(self, index: int, known: _Candidate, told: Json, part: Json) -> list[ChatChunk]:
        """A call comes whole, or its name first and then its arguments bit by bit."""
        if known.building is None and not told.get("willContinue"):
            return [self._called(index, known, told, part)]
        if known.building is None:
            known.building = Assembly(told, part)
        more = known.building.take(told)
        return [] if more else self._assembled(index, known)

    def _assembled(self, index: int, known: _Candidate) -> list[ChatChunk]:
        built, known.building = known.building, None
        return [] if built is None else [self._called(index, known, built.call, built.part)]

    def _called(self, index: int, known: _Candidate, told: Json, part: Json) -> ChatChunk:
        made = {"index": known.calls, **call(told, part, self._identity, index, known.calls)}
        known.calls += 1
        return self._say(index, known, {"tool_calls": [made]})

    def _finish(self, index: int, known: _Candidate) -> list[ChatChunk]:
        chunks = self._assembled(index, known)
        if known.reason is None:
            return chunks  # cut off
        if not known.opened:
            chunks.append(self._say(index, known, {"content": ""}))
        if cited := citations(known.grounding, "".join(known.texts)):
            numbered = [{"index": i, **each} for i, each in enumerate(cited)]
            chunks.append(self._chunk(index, {"annotations": numbered}))
        ended = finish(known.reason, called=bool(known.calls), said=known.said)
        return [*chunks, self._chunk(index, {}, **ended)]

    def _say(self, index: int, known: _Candidate, delta: Json) -> ChatChunk:
        if known.opened:
            return self._chunk(index, delta)
        known.opened = True
        chunk = self._chunk(index, {"role": "assistant", "content": "", **delta})
        if self._usage:
            chunk["usage"] = usage(self._usage)  # so that a stream that breaks can be accounted for
        return chunk

    def _chunk(self, index: int, delta: Json, **more: object) -> ChatChunk:
        choice = {"index": index, "delta": delta, "finish_reason": None, **more}
        return cast(ChatChunk, {**self._envelope, "choices": [choice]})
