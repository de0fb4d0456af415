"""A translated request that remembers the client's body: its tools, and where each part of it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from vaultcore.client_apis.responses.client_tools import Toolbox
from vaultcore.client_apis.responses.input_items import MessageSource
from vaultcore.wire import Json

PARAM_NAMES: Mapping[str, str] = {  # parameters of chat completions by their names in this API
    "messages": "input",
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "response_format.json_schema.schema": "text.format.schema",
    "response_format": "text.format",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
    "web_search_options": "tools",
    "logprobs": "include",
}
MESSAGE = re.compile(r"messages\[(\d+)\](.*)", re.DOTALL)
TOOL = re.compile(r"tools\[(\d+)\](?:\.function)?(.*)", re.DOTALL)
CALL = re.compile(r"\.tool_calls\[(\d+)\](?:\.function|\.custom)?(.*)", re.DOTALL)
PART_FIELD = re.compile(r"\.file(?=\.)|(?<=\.image_url)\.url$")  # parts are flat in this API
REASONING = (".thinking_blocks", ".reasoning_content", ".reasoning_details", ".extra_content")


class RequestFields(dict[str, Any]):
    """A chat request with the client's body, parts of which the response repeats."""

    __slots__ = ("body", "box", "compacts", "sources")

    def __init__(
        self,
        request: Mapping[str, Any],
        body: Json | None = None,
        box: Toolbox | None = None,
        sources: Sequence[MessageSource] = (),
        *,
        compacts: bool = False,
    ) -> None:
        super().__init__(request)
        self.body: Json = body or {}
        self.box = box or Toolbox()
        self.compacts = compacts  # the response is to be a compaction of the conversation
        self.sources = sources  # of the messages, in the same order

    def client_path(self, path: str) -> str:
        """Return the path of a part in the client's body: of `messages[2].content`, `input[3].content`."""
        if match := MESSAGE.fullmatch(path):
            return self._message_path(int(match[1]), match[2], path)
        if (match := TOOL.fullmatch(path)) and int(match[1]) < len(self.box.tools):
            return f"{self.box.tools[int(match[1])].path}{match[2]}"
        name = max((name for name in PARAM_NAMES if _is_within(path, name)), key=len, default=None)
        return path if name is None else f"{PARAM_NAMES[name]}{path.removeprefix(name)}"

    def _message_path(self, i: int, rest: str, path: str) -> str:
        if i >= len(self.sources):
            return path.replace("messages", PARAM_NAMES["messages"], 1)
        source = self.sources[i]
        if (match := CALL.fullmatch(rest)) and int(match[1]) < len(source.calls):
            return f"{source.calls[int(match[1])]}{match[2]}"
        if rest.startswith(".content") and source.content:
            return f"{source.content}{PART_FIELD.sub('', rest.removeprefix('.content'))}"
        if rest.startswith(REASONING):
            return source.reasoning or source.item
        return f"{source.item}{rest.replace('.tool_call_id', '.call_id')}"


def _is_within(path: str, name: str) -> bool:
    return path == name or path.startswith((f"{name}.", f"{name}["))
