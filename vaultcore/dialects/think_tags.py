"""Reasoning that a provider writes into the text, between <think> and </think>, taken out of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from vaultcore.catalog.schema import Provider
from vaultcore.dialects import Dialect
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatCompletion, Json, Message

OPEN, CLOSE = "<think>", "</think>"


class Tagless:
    """A decoder whose chunks have the reasoning where it belongs, however the tags are cut."""

    __slots__ = ("_choices", "_decoder", "_last")

    def __init__(self, decoder: Stage[Event, ChatChunk]) -> None:
        self._decoder = decoder
        self._choices: dict[int, _Text] = {}
        self._last: Json = {}

    def feed(self, item: Event) -> Iterable[ChatChunk]:
        return [each for chunk in self._decoder.feed(item) for each in self._chunks(cast(Json, chunk))]

    def close(self) -> Iterable[ChatChunk]:
        chunks = [each for chunk in self._decoder.close() for each in self._chunks(cast(Json, chunk))]
        held = [(index, *text.rest()) for index, text in self._choices.items()]
        envelope = {name: value for name, value in self._last.items() if name != "usage"}
        late = [
            {**envelope, "choices": [{"index": index, "delta": _delta(*said), "finish_reason": None}]}
            for index, *said in held
            if any(said)
        ]
        return [*cast("list[ChatChunk]", late), *chunks]

    def _chunks(self, chunk: Json) -> list[ChatChunk]:
        self._last = chunk
        choices = [self._choice(choice) for choice in chunk.get("choices") or ()]
        return [cast(ChatChunk, {**chunk, "choices": choices})]

    def _choice(self, choice: Json) -> Json:
        delta = choice["delta"]
        text = self._choices.setdefault(choice["index"], _Text())
        words, thought = text.feed(delta.get("content") or "")
        if choice.get("finish_reason"):
            more, late = text.rest()
            words, thought = words + more, thought + late
        if not (delta.get("content") or words or thought):
            return choice
        plain = {name: value for name, value in delta.items() if name != "content"}
        return {**choice, "delta": {**plain, **_delta(words, thought)}}


def decoder(speech: Dialect, provider: Provider) -> Stage[Event, ChatChunk]:
    """A fresh machine for one stream of that provider's."""
    return Tagless(speech.decoder()) if provider.think_tags else speech.decoder()


def parse(speech: Dialect, provider: Provider, body: Json) -> ChatCompletion:
    """A buffered answer of that provider's."""
    completion = speech.parse_completion(body)
    return without_tags(completion) if provider.think_tags else completion


def without_tags(completion: ChatCompletion) -> ChatCompletion:
    """The completion with the reasoning of each choice out of its text."""
    choices = []
    for choice in completion["choices"]:
        message = cast(Json, choice["message"])
        text = _Text()
        content = message.get("content")
        words, thought = text.feed(content if isinstance(content, str) else "")
        rest, late = text.rest()
        if words + rest == (content or ""):
            choices.append(choice)
            continue
        mended = {**message, **_delta(words + rest, thought + late)}
        choices.append({**choice, "message": cast(Message, mended)})
    return {**completion, "choices": choices}


def _delta(words: str, thought: str) -> Json:
    return {"content": words, **({"reasoning_content": thought} if thought else {})}


@dataclass(slots=True)
class _Text:
    """One choice's text. Reasoning comes first or not at all: a tag later on is part of what is said."""

    held: str = ""  # may turn out to be a tag
    state: str = "before"  # then "thinking", then "gap", then "after"
    begun: bool = False  # something has been thought: what comes before is empty lines

    def feed(self, piece: str) -> tuple[str, str]:
        """What is said and what is thought, as far as that is known."""
        if self.state == "after":
            return piece, ""
        self.held += piece
        said = thought = ""
        if self.state == "before":
            said = self._begin()
        if self.state == "thinking":
            thought = self._think()
        if self.state == "gap":
            said += self._resume()
        return said, thought

    def rest(self) -> tuple[str, str]:
        held, self.held = self.held, ""
        return ("", held) if self.state == "thinking" else (held, "") if self.state == "before" else ("", "")

    def _begin(self) -> str:
        opening = self.held.lstrip()
        if opening.startswith(OPEN):
            self.state, self.held = "thinking", opening.removeprefix(OPEN)
            return ""
        if OPEN.startswith(opening):
            return ""  # nothing yet, or half of the tag
        self.state, said = "after", self.held
        self.held = ""
        return said

    def _think(self) -> str:
        if not self.begun:
            self.held = self.held.lstrip("\n")
            self.begun = bool(self.held)
        thought, closed, after = self.held.partition(CLOSE)
        if closed:
            self.state, self.held = "gap", after
            return thought
        keep = next((n for n in range(len(CLOSE) - 1, 0, -1) if self.held.endswith(CLOSE[:n])), 0)
        cut = len(self.held) - keep
        thought, self.held = self.held[:cut], self.held[cut:]
        return thought

    def _resume(self) -> str:
        said = self.held.lstrip("\n")
        self.held = ""
        if said:
            self.state = "after"
        return said
