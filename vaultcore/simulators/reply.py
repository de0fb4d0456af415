"""What a simulated provider answers: the same words to the same prompt, and calls of the tools it names."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from vaultcore.simulators.sample import sample

Json = dict[str, Any]
WORDS = re.compile(r"\S+\s*")
THOUGHT = "A question like any other: it shall have its answer."  # of whoever is asked to think


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as both formats describe it: a name and a JSON schema."""

    name: str
    schema: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    id: str
    name: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, before any provider's format is put on it."""

    text: str
    calls: tuple[Call, ...] = ()
    cut: bool = False  # by the limit of tokens
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def pieces(self) -> list[str]:
        """The text as it is streamed, a few words at a time."""
        words = WORDS.findall(self.text)
        return ["".join(words[at : at + 3]) for at in range(0, len(words), 3)]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What was asked, before any provider's format was taken off it."""

    title: str  # of the provider, as people write it
    said: Sequence[str]  # every text of the conversation, in order
    tools: Sequence[Tool] = ()
    forced: str | None = None  # a tool's name, or "" where any one must be called
    results: Sequence[str] = ()  # of the tools called before: then the answer tells them
    parallel: bool = True
    limit: int | None = None  # tokens
    schema: Json | None = None  # of the JSON to answer with; empty where any object will do


def reply(prompt: Prompt) -> Reply:
    """Answer a prompt."""
    asked = tokens("".join(prompt.said)) + tokens("".join(prompt.results))
    calls = () if prompt.results else _calls(prompt)
    if calls:
        return Reply("", calls, False, asked, sum(5 + tokens(str(call.arguments)) for call in calls))
    text = _told(prompt)
    if prompt.limit is not None and tokens(text) > prompt.limit:
        return Reply(text[: prompt.limit * 4], (), True, asked, prompt.limit)
    return Reply(text, (), False, asked, tokens(text))


def tokens(text: str) -> int:
    """A count of the right size: four characters are about one token of English."""
    return (len(text) + 3) // 4


def mark(prefix: str, *parts: object) -> str:
    """An id that is the same for the same parts."""
    return prefix + hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "replace")).hexdigest()[:24]


def _told(prompt: Prompt) -> str:
    if prompt.schema is not None:
        return json.dumps(sample(prompt.schema))
    if prompt.results:
        return f"The tool answered: {'; '.join(prompt.results)}. That is all there is to say about it."
    question = " ".join((prompt.said[-1] if prompt.said else "").split())
    shown = question if len(question) <= 160 else f"{question[:157]}..."
    return (
        f"You asked: “{shown}” This answer comes from a simulated {prompt.title}, which knows nothing "
        f"and charges nothing, but takes and gives exactly what the real one would."
    )


def _calls(prompt: Prompt) -> tuple[Call, ...]:
    called = list(_wanted(prompt))
    if not prompt.parallel:
        called = called[:1]
    return tuple(
        Call(mark("", *prompt.said, number, tool.name), tool.name, sample(tool.schema))
        for number, tool in enumerate(called)
    )


def _wanted(prompt: Prompt) -> Iterable[Tool]:
    """The tools a prompt names, as often as it names them; a forced one in any case."""
    by_name = {tool.name: tool for tool in prompt.tools}
    if prompt.forced:
        return [by_name[prompt.forced]]
    asked = prompt.said[-1] if prompt.said else ""
    named = "|".join(re.escape(name) for name in sorted(by_name, key=len, reverse=True))
    found = re.findall(rf"(?<![\w-])(?:{named})(?![\w-])", asked) if named else []
    if found or prompt.forced is None:
        return [by_name[name] for name in found]
    return prompt.tools[:1]
