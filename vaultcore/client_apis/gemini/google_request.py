"""A translated request that remembers the client's body, and where each part of it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from vaultcore.client_apis.gemini.fields import Fields

CONFIG = "generationConfig"
CONFIG_NAMES: Mapping[str, str] = {  # field of a chat request -> field of generationConfig
    "max_completion_tokens": "maxOutputTokens",
    "max_tokens": "maxOutputTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "n": "candidateCount",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "stop": "stopSequences",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
    "modalities": "responseModalities",
    "reasoning_effort": "thinkingConfig",
    "thinking": "thinkingConfig",
}
NAMES: Mapping[str, str] = {  # field of a chat request -> field of the client's body
    "tool_choice": "toolConfig",
    "web_search_options": "tools",
    "service_tier": "serviceTier",
}
SCHEMAS = ("responseJsonSchema", "_responseJsonSchema", "responseSchema")
HEAD = re.compile(r"(\w+)(?:\[(\d+)\])?(.*)", re.DOTALL)


class GoogleRequest(dict[str, Any]):
    """A chat request with the fields of the client's body."""

    __slots__ = ("fields", "sources")
    # Settings that Gemini CLI sends by itself: no reason for a provider to reject the request.
    hints = frozenset({"top_k", "thinking"})

    def __init__(self, request: Mapping[str, Any], fields: Fields, sources: Sequence[str]) -> None:
        super().__init__(request)
        self.fields = fields
        self.sources = sources  # paths of the messages, in the same order

    @property
    def has_thoughts(self) -> bool:
        """Return True if the client wants to see the model's thoughts."""
        return self.fields.inner(CONFIG).inner("thinkingConfig").get("includeThoughts") is True

    def client_path(self, path: str) -> str:
        """Return the path of a part in the client's body: of `messages[2].content`, `contents[1]`."""
        match = HEAD.fullmatch(path)
        if match is None:
            return path
        name, config = match[1], self.fields.inner(CONFIG)
        if name == "messages":
            index = int(match[2] or 0)
            return (
                self.sources[index] if match[2] and index < len(self.sources) else self.fields.at("contents")
            )
        if name == "tools":
            return self._tool_path(int(match[2] or 0))
        if name == "response_format":
            return config.at(next((name for name in SCHEMAS if name in config), "responseMimeType"))
        if name in CONFIG_NAMES:
            return config.at(CONFIG_NAMES[name])
        return self.fields.at(NAMES.get(name, name))

    def _tool_path(self, index: int) -> str:
        """Return the path of a function, which are counted over all tools."""
        tools = [Fields.of(tool, path) for path, tool in self.fields.elements("tools")]
        paths = [path for tool in tools for path, _ in tool.elements("functionDeclarations")]
        return paths[index] if index < len(paths) else self.fields.at("tools")
