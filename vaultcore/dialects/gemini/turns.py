"""The conversation as Gemini wants it: contents of users and models, every call answered in the very next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from vaultcore.dialects import Change
from vaultcore.dialects.gemini import signatures
from vaultcore.dialects.gemini.generation import THREE, Generation
from vaultcore.dialects.gemini.parts import inline, render_parts
from vaultcore.dialects.gemini.tool_results import Results
from vaultcore.dialects.json_fields import arguments
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json, Message

SYSTEM = ("system", "developer")
FILLER = " "  # where a content has to stand and there is nothing to say
GO_ON = "Continue your last message from exactly where it stops, without repeating any of it."
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")


def render_system(messages: Sequence[Message], changes: list[Change]) -> tuple[list[Json], int]:
    """The parts of the system messages that lead, and how many they are."""
    parts: list[Json] = []
    for i, message in enumerate(messages):
        if message.get("role") not in SYSTEM:
            return parts, i
        parts += _instructions(message, f"messages[{i}]")
        _unnamed(message, f"messages[{i}]", changes)
    return parts, len(messages)


def render_contents(
    messages: Sequence[Message], start: int, changes: list[Change], *, made: Generation, prefill: bool
) -> list[Json]:
    """The contents from the message at `start` on."""
    turns = _Turns(changes, made)
    for i in range(start, len(messages)):
        turns.take(f"messages[{i}]", messages[i])
    return turns.settled(prefill=prefill)


@dataclass(slots=True)
class _Turns:
    changes: list[Change]
    made: Generation
    contents: list[Json] = field(default_factory=list)
    used: set[str] = field(default_factory=set)  # ids of calls, unique over the conversation
    open: Results | None = None  # the calls of the last turn that has any, and their results

    def take(self, path: str, message: Message) -> None:
        match message.get("role"):
            case "assistant":
                self._assistant(path, message)
            case "tool":
                self._result(path, message)
            case "user":
                self._user(path, message)
            case _:
                self._system(path, message)
        if message.get("role") != "tool":
            _unnamed(message, path, self.changes)

    def settled(self, *, prefill: bool) -> list[Json]:
        self._close()
        if not self.contents or self.contents[0]["role"] != "user":
            if self.contents:
                self.changes.append(Change("messages", "injected", "a conversation begins with the user"))
            self.contents.insert(0, {"role": "user", "parts": [{"text": FILLER}]})
        if self.contents[-1]["role"] == "model" and not prefill:
            self.changes.append(Change("messages", "emulated", "asked to continue its own last message"))
            self.contents.append({"role": "user", "parts": [{"text": GO_ON}]})
        return self.contents

    def _say(self, role: str, parts: list[Json]) -> None:
        """Parts after those of the same role; but never beside the results of calls."""
        last = self.contents[-1] if self.contents else None
        if last is None or last["role"] != role or "functionResponse" in last["parts"][0]:
            self.contents.append({"role": role, "parts": parts})
        else:
            last["parts"].extend(parts)

    def _user(self, path: str, message: Message) -> None:
        parts = render_parts(message.get("content"), f"{path}.content")
        if not parts:
            self.changes.append(Change(f"{path}.content", "injected", "an empty turn is refused"))
        self._say("user", parts or [{"text": FILLER}])

    def _system(self, path: str, message: Message) -> None:
        said = "\n".join(part["text"] for part in _instructions(message, path))
        if said:
            self.changes.append(Change(path, "emulated", "instructions after the first turn go as user text"))
            self._say("user", [{"text": f"<system>\n{said}\n</system>"}])

    def _assistant(self, path: str, message: Message) -> None:
        self._close()
        calls = [cast(Json, call) for call in message.get("tool_calls") or ()]
        said = self._said(path, message)
        if not calls:
            if said:
                self._say("model", said)
            return
        results = self.open = Results(self.changes, ids=self.made >= THREE, media=self.made >= THREE)
        rendered = [self._call(f"{path}.tool_calls[{i}]", call, results) for i, call in enumerate(calls)]
        if self.made >= THREE:
            rendered[0].setdefault(
                "thoughtSignature", signatures.SKIP
            )  # of several calls only the first needs it
        if not self.contents:
            self._say("user", [{"text": FILLER}])
        self._say("model", [*said, *rendered])
        # The results' content is there at once: whatever is said before the last of them comes after.
        self.contents.append(results.content)

    def _said(self, path: str, message: Message) -> list[Json]:
        """What an assistant said: cut as it was, where it is Google's, and pictures after it."""
        content, refusal = message.get("content"), message.get("refusal")
        thoughts = self._thoughts(path, message)
        if isinstance(content, str) or content is None:
            text = content or ""
            found = signatures.pieces(message, text)
            if found is None:
                self.changes.append(Change(f"{path}.extra_content", "dropped", "does not fit the content"))
            parts = found if found is not None else [{"text": text}] if text else []
        else:
            parts = render_parts(content, f"{path}.content")
        if refusal:
            parts.append({"text": refusal})
        images = cast(Json, message).get("images")
        for i, image in enumerate(images if isinstance(images, list) else ()):
            match image:
                case {"image_url": {"url": str(url)}} if url[:5].lower() == "data:":
                    drawn = inline(url, f"{path}.images[{i}].image_url.url")
                    mark = signatures.signature(image)
                    parts.append({**drawn, **({"thoughtSignature": mark} if mark else {})})
                case _:
                    self.changes.append(Change(f"{path}.images[{i}]", "dropped", "is no data URI"))
        return [*thoughts, *parts] if parts or message.get("tool_calls") else []

    def _thoughts(self, path: str, message: Message) -> list[Json]:
        """Earlier thoughts go back to whose they are."""
        thought = message.get("reasoning_content")
        if not thought:
            return []
        if isinstance(thought, str) and signatures.issued(message) and not message.get("thinking_blocks"):
            return [{"text": thought, "thought": True}]
        self.changes.append(Change(f"{path}.reasoning_content", "dropped", "thoughts of somebody else"))
        return []

    def _call(self, path: str, call: Json, results: Results) -> Json:
        function = call.get("function") or call.get("custom")
        function = function if isinstance(function, dict) else {}
        told = function.get("arguments", function.get("input"))
        given = arguments(told)
        if given is None:
            place = f"{path}.function.arguments"
            self.changes.append(Change(place, "emulated", "not a JSON object: wrapped"))
            given = {"arguments": told}
        name = function_name(str(function.get("name") or ""))
        original = str(call.get("id") or "")
        ours = results.expect(original, self._unique(original or "call"), name)
        part: Json = {"functionCall": {**({"id": ours} if results.ids else {}), "name": name, "args": given}}
        mark = signatures.signature(call)
        return {**part, "thoughtSignature": mark} if mark else part

    def _result(self, path: str, message: Message) -> None:
        aside = self.open.take(path, message) if self.open is not None else None
        if aside is None:
            self.changes.append(Change(path, "emulated", "answers no call of the turn before: sent as text"))
            parts = render_parts(message.get("content"), f"{path}.content")
            self._say("user", parts or [{"text": FILLER}])
        elif aside:
            self._say("user", aside)

    def _close(self) -> None:
        """No results at all are taken where the user goes on; a part of them never is."""
        if self.open is None:
            return
        if self.open.begun or self.contents[-1] is self.open.content:
            self.open.close()
        else:
            self.contents = [each for each in self.contents if each is not self.open.content]
        self.open = None

    def _unique(self, identity: str) -> str:
        unique, n = identity, 1
        while unique in self.used:
            n += 1
            unique = f"{identity}_{n}"
        self.used.add(unique)
        return unique


def function_name(name: str) -> str:
    """The name of a function that was called, in the characters that names have."""
    if NAME.fullmatch(name):
        return name
    plain = re.sub(r"[^a-zA-Z0-9_.:-]", "_", name)[:63]
    return plain if NAME.fullmatch(plain) else f"_{plain}"


def _instructions(message: Message, path: str) -> list[Json]:
    parts = render_parts(message.get("content"), f"{path}.content")
    if any("text" not in part for part in parts):
        raise InvalidRequest(f"a {message.get('role')} message holds text only", param=f"{path}.content")
    return parts


def _unnamed(message: Message, path: str, changes: list[Change]) -> None:
    if message.get("name"):
        changes.append(Change(f"{path}.name", "dropped", "messages have no names"))
