"""Reads the conversation in a provider request: texts, tool calls and tool results, in order.

There is one reader per dialect. Tool calls are identified by position, because dialects name them
differently.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class Transcript:
    """Texts with their roles, calls, and results with the positions of their calls."""

    texts: list[tuple[str, str]] = field(default_factory=list)
    calls: list[tuple[str, Json]] = field(default_factory=list)
    results: list[tuple[int, str]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)  # roles, calls and results, with repetitions removed
    _open: list[tuple[str, int]] = field(
        default_factory=list
    )  # ids of calls without a result, and their positions

    def say(self, role: str, text: str) -> None:
        if text:
            self.texts.append((role, text))
            self._mark(role)

    def call(self, identity: object, name: str, arguments: Any) -> None:
        self._open.append((str(identity), len(self.calls)))
        self.calls.append((name, json.loads(arguments) if isinstance(arguments, str) else arguments))
        self._mark("call")

    def result(self, identity: object, text: str) -> None:
        at = next(i for i, (key, _) in enumerate(self._open) if key == str(identity))
        self.results.append((self._open.pop(at)[1], text))
        self._mark("result")

    def _mark(self, kind: str) -> None:
        if self.order[-1:] != [kind]:
            self.order.append(kind)


def chat(body: Json) -> Transcript:
    transcript = Transcript()
    for message in body["messages"]:
        role = {"developer": "system"}.get(message["role"], message["role"])
        text = _text(message.get("content"))
        if role == "tool":
            transcript.result(message["tool_call_id"], text)
            continue
        transcript.say(role, _text(message.get("tool_plan")) + text)
        for call in message.get("tool_calls") or ():
            transcript.call(call["id"], call["function"]["name"], call["function"]["arguments"])
    return transcript


def anthropic(body: Json) -> Transcript:
    transcript = Transcript()
    transcript.say("system", _text(body.get("system")))
    for turn in body["messages"]:
        for part in turn["content"]:
            match part:
                case {"type": "text", "text": text}:
                    transcript.say(turn["role"], text)
                case {"type": "tool_use", "id": key, "name": name, "input": arguments}:
                    transcript.call(key, name, arguments)
                case {"type": "tool_result", "tool_use_id": key}:
                    transcript.result(key, _text(part.get("content")))
    return transcript


def gemini(body: Json) -> Transcript:
    transcript = Transcript()
    transcript.say("system", _text((body.get("systemInstruction") or {}).get("parts")))
    for turn in body["contents"]:
        for part in turn["parts"]:
            match part:
                case {"text": text}:
                    transcript.say({"model": "assistant"}.get(turn["role"], turn["role"]), text)
                case {"functionCall": call}:
                    transcript.call(call.get("id", call["name"]), call["name"], call["args"])
                case {"functionResponse": {"response": {"result": text}} as response}:
                    transcript.result(response.get("id", response["name"]), text)
    return transcript


def responses(body: Json) -> Transcript:
    transcript = Transcript()
    for item in body["input"]:
        match item:
            case {"type": "function_call", "call_id": key, "name": name, "arguments": arguments}:
                transcript.call(key, name, arguments)
            case {"type": "function_call_output", "call_id": key, "output": output}:
                transcript.result(key, _text(output))
            case {"role": role, "content": content}:
                transcript.say({"developer": "system"}.get(role, role), _text(content))
    return transcript


def bedrock(body: Json) -> Transcript:
    transcript = Transcript()
    transcript.say("system", _text(body.get("system")))
    for turn in body["messages"]:
        for part in turn["content"]:
            match part:
                case {"text": text}:
                    transcript.say(turn["role"], text)
                case {"toolUse": {"toolUseId": key, "name": name, "input": arguments}}:
                    transcript.call(key, name, arguments)
                case {"toolResult": {"toolUseId": key, "content": content}}:
                    transcript.result(key, _text(content))
    return transcript


def _text(content: str | Iterable[Json] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(str(part.get("text", "")) for part in content)


TRANSCRIPT_READERS: Mapping[str, Callable[[Json], Transcript]] = {
    "openai": chat,
    "cohere": chat,
    "mistral": chat,
    "anthropic": anthropic,
    "gemini": gemini,
    "responses": responses,
    "bedrock": bedrock,
}
