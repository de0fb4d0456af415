"""Moves reasoning that a provider writes into the text, between <think> and </think>, to `reasoning_content`.

The catalog column `think_tags` names the providers that do so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from vaultcore.casts import cast
from vaultcore.catalog.schema import Provider
from vaultcore.dialects import Dialect
from vaultcore.lazy_dataclass import dataclass
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatCompletion, Json, Message

OPEN, CLOSE = "<think>", "</think>"


class ThinkTagDecoder:
    """Wraps a decoder and moves the tagged reasoning of its chunks; a tag may be split between chunks."""

    __slots__ = ("_choices", "_decoder", "_last")

    def __init__(self, decoder: Stage[Event, ChatChunk]) -> None:
        self._decoder = decoder
        self._choices: dict[int, _TagScanner] = {}
        self._last: Json = {}

    def feed(self, item: Event) -> Iterable[ChatChunk]:
        return [self._rewrite(cast(Json, chunk)) for chunk in self._decoder.feed(item)]

    def close(self) -> Iterable[ChatChunk]:
        chunks = [self._rewrite(cast(Json, chunk)) for chunk in self._decoder.close()]
        buffered = [(index, *scanner.flush()) for index, scanner in self._choices.items()]
        envelope = {name: value for name, value in self._last.items() if name != "usage"}
        late = [
            {**envelope, "choices": [{"index": index, "delta": _delta(*texts), "finish_reason": None}]}
            for index, *texts in buffered
            if any(texts)
        ]
        return [*cast("list[ChatChunk]", late), *chunks]

    def _rewrite(self, chunk: Json) -> ChatChunk:
        self._last = chunk
        choices = [self._rewrite_choice(choice) for choice in chunk.get("choices") or ()]
        return cast(ChatChunk, {**chunk, "choices": choices})

    def _rewrite_choice(self, choice: Json) -> Json:
        delta = choice["delta"]
        scanner = self._choices.setdefault(choice["index"], _TagScanner())
        text, reasoning = scanner.feed(delta.get("content") or "")
        if choice.get("finish_reason"):
            late_text, late_reasoning = scanner.flush()
            text, reasoning = text + late_text, reasoning + late_reasoning
        if not (delta.get("content") or text or reasoning):
            return choice
        plain = {name: value for name, value in delta.items() if name != "content"}
        return {**choice, "delta": {**plain, **_delta(text, reasoning)}}


def create_decoder(dialect: Dialect, provider: Provider) -> Stage[Event, ChatChunk]:
    """Return a decoder for one stream of the provider."""
    return ThinkTagDecoder(dialect.create_decoder()) if provider.think_tags else dialect.create_decoder()


def parse_response(dialect: Dialect, provider: Provider, body: Json) -> ChatCompletion:
    """Return the completion of the provider's response. Raises what `Dialect.parse_response` raises."""
    completion = dialect.parse_response(body)
    return strip_think_tags(completion) if provider.think_tags else completion


def strip_think_tags(completion: ChatCompletion) -> ChatCompletion:
    """Return the completion with the tagged reasoning of each choice moved out of its text."""
    choices = []
    for choice in completion["choices"]:
        message = cast(Json, choice["message"])
        scanner = _TagScanner()
        content = message.get("content")
        text, reasoning = scanner.feed(content if isinstance(content, str) else "")
        late_text, late_reasoning = scanner.flush()
        if text + late_text == (content or ""):
            choices.append(choice)
            continue
        stripped = {**message, **_delta(text + late_text, reasoning + late_reasoning)}
        choices.append({**choice, "message": cast(Message, stripped)})
    return {**completion, "choices": choices}


def _delta(text: str, reasoning: str) -> Json:
    return {"content": text, **({"reasoning_content": reasoning} if reasoning else {})}


@dataclass(slots=True)
class _TagScanner:
    """Splits one choice's text. Only a tag at the beginning counts; a later one is part of the text."""

    buffer: str = ""  # text that may turn out to be a tag
    state: Literal["start", "reasoning", "gap", "text"] = "start"
    has_reasoning: bool = False  # blank lines before the reasoning are skipped

    def feed(self, fragment: str) -> tuple[str, str]:
        """Return the text and the reasoning that the fragment completes."""
        if self.state == "text":
            return fragment, ""
        self.buffer += fragment
        text = reasoning = ""
        if self.state == "start":
            text = self._read_start()
        if self.state == "reasoning":
            reasoning = self._read_reasoning()
        if self.state == "gap":
            text += self._read_gap()
        return text, reasoning

    def flush(self) -> tuple[str, str]:
        """Return the buffered text and reasoning at the end of the choice."""
        buffer, self.buffer = self.buffer, ""
        match self.state:
            case "start":
                return buffer, ""
            case "reasoning":
                return "", buffer
            case _:
                return "", ""

    def _read_start(self) -> str:
        stripped = self.buffer.lstrip()
        if stripped.startswith(OPEN):
            self.state, self.buffer = "reasoning", stripped.removeprefix(OPEN)
            return ""
        if OPEN.startswith(stripped):
            return ""  # nothing yet, or a part of the tag
        self.state, text = "text", self.buffer
        self.buffer = ""
        return text

    def _read_reasoning(self) -> str:
        if not self.has_reasoning:
            self.buffer = self.buffer.lstrip("\n")
            self.has_reasoning = bool(self.buffer)
        reasoning, tag, after = self.buffer.partition(CLOSE)
        if tag:
            self.state, self.buffer = "gap", after
            return reasoning
        # The last characters may be the beginning of the closing tag.
        keep = next((n for n in range(len(CLOSE) - 1, 0, -1) if self.buffer.endswith(CLOSE[:n])), 0)
        cut = len(self.buffer) - keep
        reasoning, self.buffer = self.buffer[:cut], self.buffer[cut:]
        return reasoning

    def _read_gap(self) -> str:
        """Skip the blank lines between the reasoning and the text."""
        text = self.buffer.lstrip("\n")
        self.buffer = ""
        if text:
            self.state = "text"
        return text
