"""Joins the chunks of a stream's attempts to the one stream that the client receives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vaultcore.casts import cast
from vaultcore.dialects.split_choices import ChoiceJoiner
from vaultcore.wire import INTERNAL_USAGE, ChatChunk, ChunkChoice, Delta, Usage


class StreamJoiner:
    """Rewrites every chunk with the same id, model and creation time; adds `role` to the first delta.

    It also collects what the gateway needs at the end: usage, text, the provider's model name.
    """

    def __init__(self, id: str, model: str, created: int, choices: ChoiceJoiner | None = None) -> None:
        self._choices = choices  # of a request for one choice
        self._envelope: ChatChunk = {
            "id": id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
        }
        self.fields: Mapping[str, Any] = {}  # added to every chunk; only some client APIs have any
        self._choices_with_role: set[int] = set()
        self.texts: list[str] = []  # of all choices, in order of arrival
        self.length = 0  # of the texts, in characters
        self._finished_choices: set[int] = set()
        self._tier: str | None = None
        self.has_started = False
        self.is_finished = False  # a finish reason has arrived
        self.is_complete = False  # the provider's stream has been read to its end
        self.has_final_usage = False  # usage has arrived with the finish reason or after it
        self.usage: Usage | None = None
        self.response_model: str | None = None  # the model's name as the provider reports it

    def observe(self, chunk: ChatChunk) -> None:
        """Collect from a chunk that reaches the client as the provider sent it."""
        self.has_started = True
        self.response_model = self.response_model or chunk.get("model")
        tier = chunk.get("service_tier")
        self._tier = tier if isinstance(tier, str) else self._tier
        if usage := chunk.get("usage"):
            self.usage = {**(self.usage or {}), **usage}  # uses of tools may come before the tokens
            if self._tier:
                self.usage["service_tier"] = self._tier
        for choice in chunk.get("choices") or ():
            if choice.get("finish_reason") is not None:
                self.is_finished = True
                self._finished_choices.add(choice["index"])
            for text in delta_texts(choice["delta"]):
                self.texts.append(text)
                self.length += len(text)
        if self.is_finished and chunk.get("usage"):
            self.has_final_usage = True

    @property
    def text(self) -> str:
        """Return all text of all choices, reasoning and tool-call arguments included."""
        return "".join(self.texts)

    def cut(self, usage: Usage) -> ChatChunk:
        """Return the chunk that ends every open choice, because its output is longer than allowed."""
        indexes = self._choices_with_role - self._finished_choices or {0}
        choices: list[ChunkChoice] = [
            {"index": index, "delta": {}, "finish_reason": "length"} for index in sorted(indexes)
        ]
        return {**self._envelope, "choices": choices, "usage": usage}

    def join(self, chunk: ChatChunk) -> ChatChunk:
        """Return the chunk as the client receives it."""
        if self._is_further_text(chunk):
            joined = cast(ChatChunk, {**chunk, **self.fields, **self._envelope})
            if "usage" in chunk:
                joined["usage"] = None
            return joined
        return self._join(chunk)

    def _is_further_text(self, chunk: ChatChunk) -> bool:
        """Collect a further text of the first choice, as nearly all chunks are; return False for others.

        Such a chunk takes 3 µs less than one that passes all checks.
        """
        choices = chunk.get("choices")
        if not choices or len(choices) != 1 or chunk.get("usage") or self.response_model is None:
            return False
        choice = choices[0]
        delta, text = choice["delta"], choice["delta"].get("content")
        if (
            not text
            or len(delta) != 1
            or choice["index"] != 0
            or choice.get("finish_reason") is not None
            or 0 not in self._choices_with_role
        ):
            return False
        if (tier := chunk.get("service_tier")) is not None and isinstance(tier, str):
            self._tier = tier
        self.texts.append(text)
        self.length += len(text)
        return True

    def _join(self, chunk: ChatChunk) -> ChatChunk:
        if self._choices is not None:
            chunk = self._choices.join(chunk)
        self.observe(chunk)
        choices = [self._choice(choice) for choice in chunk.get("choices") or ()]
        joined = cast(ChatChunk, {**chunk, **self.fields, **self._envelope, "choices": choices})
        if "usage" in chunk:
            joined["usage"] = client_usage(chunk["usage"])
        return joined

    def _choice(self, choice: ChunkChoice) -> ChunkChoice:
        index = choice["index"]
        if index in self._choices_with_role:
            return choice
        self._choices_with_role.add(index)
        return {**choice, "delta": {"role": "assistant", **choice["delta"]}}


def client_usage(usage: Usage | None) -> Usage | None:
    """Return the usage that a client may see; None if nothing remains."""
    counts = usage or {}
    public = {name: value for name, value in counts.items() if name not in INTERNAL_USAGE}
    return cast(Usage, {**public, **counts.get("reported", {})}) or None


def delta_texts(delta: Delta) -> list[str]:
    """Return the texts of a delta or message: content, reasoning, refusal and tool-call arguments."""
    texts = [delta.get("content"), delta.get("reasoning_content"), delta.get("refusal")]
    texts += [call.get("function", {}).get("arguments") for call in delta.get("tool_calls") or ()]
    return [text for text in texts if text]
