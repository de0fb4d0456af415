"""What a provider reads in a request: who says what, who calls which tool, and what came of it, in order.

One reader for each format. Calls are known by their place among all calls: formats name them differently.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class Transcript:
    """Texts with their roles, calls, and results with the places of their calls."""

    said: list[tuple[str, str]] = field(default_factory=list)
    calls: list[tuple[str, Json]] = field(default_factory=list)
    results: list[tuple[int, str]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)  # roles, calls and results, each run of a kind as one
    _open: list[tuple[str, int]] = field(default_factory=list)  # names of calls without a result

    def say(self, role: str, text: str) -> None:
        if text:
            self.said.append((role, text))
            self._mark(role)

    def call(self, identity: object, name: str, arguments: Any) -> None:
        self._open.append((str(identity), len(self.calls)))
        self.calls.append((name, json.loads(arguments) if isinstance(arguments, str) else arguments))
        self._mark("call")

    def result(self, identity: object, text: str) -> None:
        at = next(i for i, (known, _) in enumerate(self._open) if known == str(identity))
        self.results.append((self._open.pop(at)[1], text))
        self._mark("result")

    def _mark(self, kind: str) -> None:
        if self.order[-1:] != [kind]:
            self.order.append(kind)


def chat(body: Json) -> Transcript:
    told = Transcript()
    for message in body["messages"]:
        role = {"developer": "system"}.get(message["role"], message["role"])
        text = _text(message.get("content"))
        if role == "tool":
            told.result(message["tool_call_id"], text)
            continue
        told.say(role, _text(message.get("tool_plan")) + text)
        for call in message.get("tool_calls") or ():
            told.call(call["id"], call["function"]["name"], call["function"]["arguments"])
    return told


def anthropic(body: Json) -> Transcript:
    told = Transcript()
    told.say("system", _text(body.get("system")))
    for turn in body["messages"]:
        for block in turn["content"]:
            match block:
                case {"type": "text", "text": text}:
                    told.say(turn["role"], text)
                case {"type": "tool_use", "id": key, "name": name, "input": given}:
                    told.call(key, name, given)
                case {"type": "tool_result", "tool_use_id": key}:
                    told.result(key, _text(block.get("content")))
    return told


def gemini(body: Json) -> Transcript:
    told = Transcript()
    told.say("system", _text((body.get("systemInstruction") or {}).get("parts")))
    for turn in body["contents"]:
        for part in turn["parts"]:
            match part:
                case {"text": text}:
                    told.say({"model": "assistant"}.get(turn["role"], turn["role"]), text)
                case {"functionCall": call}:
                    told.call(call.get("id", call["name"]), call["name"], call["args"])
                case {"functionResponse": {"response": {"result": text}} as given}:
                    told.result(given.get("id", given["name"]), text)
    return told


def responses(body: Json) -> Transcript:
    told = Transcript()
    for item in body["input"]:
        match item:
            case {"type": "function_call", "call_id": key, "name": name, "arguments": given}:
                told.call(key, name, given)
            case {"type": "function_call_output", "call_id": key, "output": output}:
                told.result(key, _text(output))
            case {"role": role, "content": content}:
                told.say({"developer": "system"}.get(role, role), _text(content))
    return told


def bedrock(body: Json) -> Transcript:
    told = Transcript()
    told.say("system", _text(body.get("system")))
    for turn in body["messages"]:
        for block in turn["content"]:
            match block:
                case {"text": text}:
                    told.say(turn["role"], text)
                case {"toolUse": {"toolUseId": key, "name": name, "input": given}}:
                    told.call(key, name, given)
                case {"toolResult": {"toolUseId": key, "content": content}}:
                    told.result(key, _text(content))
    return told


def _text(content: str | Iterable[Json] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(str(part.get("text", "")) for part in content)


READERS: Mapping[str, Callable[[Json], Transcript]] = {
    "openai": chat,
    "cohere": chat,
    "mistral": chat,
    "anthropic": anthropic,
    "gemini": gemini,
    "responses": responses,
    "bedrock": bedrock,
}
