"""The conversation as Gemini's contents: https://ai.google.dev/api/caching#Content.

The roles are `user` and `model`. The results of a model's calls come in the content right after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from vaultcore.casts import cast
from vaultcore.dialects import Change
from vaultcore.dialects.data_uri import is_data_uri
from vaultcore.dialects.gemini import opaque_state
from vaultcore.dialects.gemini.model_generation import GEMINI_3, Generation
from vaultcore.dialects.gemini.parts import render_content, render_data_uri
from vaultcore.dialects.gemini.tool_results import ToolResults
from vaultcore.dialects.json_fields import parse_arguments
from vaultcore.dialects.prompts import CONTINUE_PROMPT
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json, Message

if TYPE_CHECKING:
    from vaultcore.dialects.gemini.wire import GeminiContent, GeminiFunctionCall, GeminiPart

SYSTEM = ("system", "developer")
FILLER = " "  # the text of a content that must exist but has nothing to say


def render_system(messages: Sequence[Message], changes: list[Change]) -> tuple[list[GeminiPart], int]:
    """Return the parts of the leading system messages, and the number of these messages."""
    parts: list[GeminiPart] = []
    for i, message in enumerate(messages):
        if message.get("role") not in SYSTEM:
            return parts, i
        parts += _render_instructions(message, f"messages[{i}]")
        _report_name(message, f"messages[{i}]", changes)
    return parts, len(messages)


def render_contents(
    messages: Sequence[Message], start: int, changes: list[Change], *, generation: Generation, prefill: bool
) -> list[GeminiContent]:
    """Return the contents of all messages from `start` on.

    `prefill` says that the model continues a last message of the assistant.
    """
    builder = _ContentsBuilder(changes, generation)
    for i in range(start, len(messages)):
        builder.add(f"messages[{i}]", messages[i])
    return builder.finish(prefill=prefill)


@dataclass(slots=True)
class _ContentsBuilder:
    """Turns messages into contents, one after the other."""

    changes: list[Change]
    generation: Generation
    contents: list[GeminiContent] = field(default_factory=list)
    call_ids: set[str] = field(default_factory=set)  # ids in use; each is unique in the conversation
    results: ToolResults | None = None  # of the last message with calls

    def add(self, path: str, message: Message) -> None:
        match message.get("role"):
            case "assistant":
                self._add_assistant(path, message)
            case "tool":
                self._add_result(path, message)
            case "user":
                self._add_user(path, message)
            case _:
                self._add_system(path, message)
        if message.get("role") != "tool":
            _report_name(message, path, self.changes)

    def finish(self, *, prefill: bool) -> list[GeminiContent]:
        """Return the contents. Add a first user content and, without `prefill`, a last one."""
        self._close_results()
        if not self.contents or self.contents[0]["role"] != "user":
            if self.contents:
                reason = "the first message must be the user's"
                self.changes.append(Change("messages", "injected", reason))
            self.contents.insert(0, {"role": "user", "parts": [{"text": FILLER}]})
        if self.contents[-1]["role"] == "model" and not prefill:
            reason = "a user message asks the model to continue its last one"
            self.changes.append(Change("messages", "emulated", reason))
            self.contents.append({"role": "user", "parts": [{"text": CONTINUE_PROMPT}]})
        return self.contents

    def _append(self, role: Literal["user", "model"], parts: list[GeminiPart]) -> None:
        """Append the parts to a last content of the same role, unless it contains tool results."""
        last = self.contents[-1] if self.contents else None
        if last is None or last["role"] != role or "functionResponse" in last["parts"][0]:
            self.contents.append({"role": role, "parts": parts})
        else:
            last["parts"].extend(parts)

    def _add_user(self, path: str, message: Message) -> None:
        parts = render_content(message.get("content"), f"{path}.content")
        if not parts:
            self.changes.append(Change(f"{path}.content", "injected", "Gemini rejects an empty message"))
        self._append("user", parts or [{"text": FILLER}])

    def _add_system(self, path: str, message: Message) -> None:
        text = "\n".join(part["text"] for part in _render_instructions(message, path))
        if text:
            reason = "sent as user text: Gemini takes instructions before the first message only"
            self.changes.append(Change(path, "emulated", reason))
            self._append("user", [{"text": f"<system>\n{text}\n</system>"}])

    def _add_assistant(self, path: str, message: Message) -> None:
        self._close_results()
        calls = [cast(Json, call) for call in message.get("tool_calls") or ()]
        parts = self._render_assistant(path, message)
        if not calls:
            if parts:
                self._append("model", parts)
            return
        is_new = self.generation >= GEMINI_3
        results = self.results = ToolResults(
            self.changes, {"role": "user", "parts": []}, has_ids=is_new, has_media=is_new
        )
        rendered = [
            self._render_call(f"{path}.tool_calls[{i}]", call, results) for i, call in enumerate(calls)
        ]
        if is_new:  # Gemini 3 requires a signature on the first of several calls
            rendered[0].setdefault("thoughtSignature", opaque_state.SKIP_SIGNATURE)
        if not self.contents:
            self._append("user", [{"text": FILLER}])
        self._append("model", [*parts, *rendered])
        # The content of the results is added now, so that later messages come after it.
        self.contents.append(results.content)

    def _render_assistant(self, path: str, message: Message) -> list[GeminiPart]:
        """Return an assistant message: reasoning, text divided into its original parts, refusal, images."""
        content, refusal = message.get("content"), message.get("refusal")
        reasoning = self._render_reasoning(path, message)
        if isinstance(content, str) or content is None:
            text = content or ""
            split = opaque_state.split_text(message, text)
            if split is None:
                reason = "does not fit the content"
                self.changes.append(Change(f"{path}.extra_content", "dropped", reason))
                split = [{"text": text}] if text else []
            parts = split
        else:
            parts = render_content(content, f"{path}.content")
        if refusal:
            parts.append({"text": refusal})
        parts += self._render_images(path, message)
        return [*reasoning, *parts] if parts or message.get("tool_calls") else []

    def _render_images(self, path: str, message: Message) -> list[GeminiPart]:
        parts: list[GeminiPart] = []
        images = message.get("images")
        for i, image in enumerate(images if isinstance(images, list) else ()):
            match image:
                case {"image_url": {"url": str(url)}} if is_data_uri(url):
                    part = render_data_uri(url, f"{path}.images[{i}].image_url.url")
                    if signature := opaque_state.find_signature(image):
                        part["thoughtSignature"] = signature
                    parts.append(part)
                case _:
                    self.changes.append(Change(f"{path}.images[{i}]", "dropped", "is not a data URI"))
        return parts

    def _render_reasoning(self, path: str, message: Message) -> list[GeminiPart]:
        """Return earlier reasoning if it came from Google."""
        text = message.get("reasoning_content")
        if not text:
            return []
        is_own = opaque_state.is_from_google(message) and not message.get("thinking_blocks")
        if isinstance(text, str) and is_own:
            return [{"text": text, "thought": True}]
        reason = "the reasoning comes from another provider"
        self.changes.append(Change(f"{path}.reasoning_content", "dropped", reason))
        return []

    def _render_call(self, path: str, call: Json, results: ToolResults) -> GeminiPart:
        value = call.get("function") or call.get("custom")
        function = value if isinstance(value, dict) else {}
        text = function.get("arguments", function.get("input"))
        arguments = parse_arguments(text)
        if arguments is None:
            reason = "wrapped: the text is not a JSON object"
            self.changes.append(Change(f"{path}.function.arguments", "emulated", reason))
            arguments = {"arguments": text}
        name = str(function.get("name") or "")
        client_id = str(call.get("id") or "")
        call_id = self._unique_id(client_id or "call")
        results.expect(client_id, call_id, name)
        rendered: GeminiFunctionCall = {"id": call_id} if results.has_ids else {}
        part: GeminiPart = {"functionCall": {**rendered, "name": name, "args": arguments}}
        if signature := opaque_state.find_signature(call):
            part["thoughtSignature"] = signature
        return part

    def _add_result(self, path: str, message: Message) -> None:
        extra_parts = self.results.add(path, message) if self.results is not None else None
        if extra_parts is None:
            reason = "sent as user text: the message before has no such tool call"
            self.changes.append(Change(path, "emulated", reason))
            parts = render_content(message.get("content"), f"{path}.content")
            self._append("user", parts or [{"text": FILLER}])
        elif extra_parts:
            self._append("user", extra_parts)

    def _close_results(self) -> None:
        """Complete the results. Gemini accepts none at all if the user goes on, but never a part of them."""
        if self.results is None:
            return
        if self.results.has_any or self.contents[-1] is self.results.content:
            self.results.close()
        else:
            unused = self.results.content
            self.contents = [content for content in self.contents if content is not unused]
        self.results = None

    def _unique_id(self, base: str) -> str:
        unique, n = base, 1
        while unique in self.call_ids:
            n += 1
            unique = f"{base}_{n}"
        self.call_ids.add(unique)
        return unique


def _render_instructions(message: Message, path: str) -> list[GeminiPart]:
    parts = render_content(message.get("content"), f"{path}.content")
    if any("text" not in part for part in parts):
        raise InvalidRequest(f"a {message.get('role')} message accepts text only", param=f"{path}.content")
    return parts


def _report_name(message: Message, path: str, changes: list[Change]) -> None:
    if message.get("name"):
        changes.append(Change(f"{path}.name", "dropped", "Gemini messages have no names"))
