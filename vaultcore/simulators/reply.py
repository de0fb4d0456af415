"""The replies of simulated providers: the same text for the same prompt, and calls of the tools it names."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Any

from vaultcore.lazy_dataclass import dataclass
from vaultcore.simulators.schema_values import sample_object

Json = dict[str, Any]
WORDS = re.compile(r"\S+\s*")
REASONING = "The question is clear, so a short answer is enough."  # if reasoning is requested


@dataclass(frozen=True, slots=True)
class PromptTool:
    """A tool of a prompt: its name and the JSON schema of its arguments."""

    name: str
    schema: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReplyToolCall:
    """A tool call of a reply."""

    id: str
    name: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply in no provider's format."""

    text: str
    calls: tuple[ReplyToolCall, ...] = ()
    is_cut: bool = False  # by the token limit
    prompt_tokens: int = 0
    completion_tokens: int = 0
    searches: int = 0  # of the web

    @property
    def chunks(self) -> list[str]:
        """The text in chunks of three words, for a stream."""
        words = WORDS.findall(self.text)
        return ["".join(words[at : at + 3]) for at in range(0, len(words), 3)]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request in no provider's format."""

    title: str  # of the provider, for display
    texts: Sequence[str]  # every text of the conversation, in order
    tools: Sequence[PromptTool] = ()
    forced_tool: str | None = None  # a tool's name, or "" if any tool must be called
    tool_results: Sequence[str] = ()  # of the previous tool calls; the reply quotes them
    parallel: bool = True
    token_limit: int | None = None
    schema: Json | None = None  # of the JSON to reply with; {} stands for any object


def generate_reply(prompt: Prompt) -> Reply:
    prompt_tokens = tokens("".join(prompt.texts)) + tokens("".join(prompt.tool_results))
    calls = () if prompt.tool_results else _calls(prompt)
    if calls:
        return Reply("", calls, False, prompt_tokens, sum(5 + tokens(str(call.arguments)) for call in calls))
    text = _text(prompt)
    if prompt.token_limit is not None and tokens(text) > prompt.token_limit:
        return Reply(text[: prompt.token_limit * 4], (), True, prompt_tokens, prompt.token_limit)
    return Reply(text, (), False, prompt_tokens, tokens(text))


def tokens(text: str) -> int:
    """Return an estimate: four characters are about one token of English."""
    return (len(text) + 3) // 4


def split_text(text: str) -> list[str]:
    """Return the text in fragments of eight characters, as a stream sends it."""
    return [text[at : at + 8] for at in range(0, len(text), 8)]


def stable_id(prefix: str, *parts: object) -> str:
    """Return an id that is the same for the same parts."""
    return prefix + hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "replace")).hexdigest()[:24]


def _text(prompt: Prompt) -> str:
    if prompt.schema is not None:
        return json.dumps(sample_object(prompt.schema))
    if prompt.tool_results:
        return f"The tool answered: {'; '.join(prompt.tool_results)}. That is all there is to say about it."
    question = " ".join((prompt.texts[-1] if prompt.texts else "").split())
    excerpt = question if len(question) <= 160 else f"{question[:157]}..."
    return (
        f"You asked: “{excerpt}” This answer comes from a simulated {prompt.title}. It uses no model "
        f"and charges nothing, but it follows the rules and the format of the real provider."
    )


def _calls(prompt: Prompt) -> tuple[ReplyToolCall, ...]:
    tools = list(_tools_to_call(prompt))
    if not prompt.parallel:
        tools = tools[:1]
    return tuple(
        ReplyToolCall(stable_id("", *prompt.texts, number, tool.name), tool.name, sample_object(tool.schema))
        for number, tool in enumerate(tools)
    )


def _tools_to_call(prompt: Prompt) -> Iterable[PromptTool]:
    """Return the tools that the last text names, as often as it names them; a forced tool always."""
    by_name = {tool.name: tool for tool in prompt.tools}
    if prompt.forced_tool:
        return [by_name[prompt.forced_tool]]
    text = prompt.texts[-1] if prompt.texts else ""
    named = "|".join(re.escape(name) for name in sorted(by_name, key=len, reverse=True))
    names = re.findall(rf"(?<![\w-])(?:{named})(?![\w-])", text) if named else []
    if names or prompt.forced_tool is None:
        return [by_name[name] for name in names]
    return prompt.tools[:1]
