"""The scripted model of `make test-agents`: a prompt states what the model has to do, without quotes.

A model's reply depends only on the request: whether a tool's output is in it, whether its call is. So it ends
after one round of tool calls, whatever a client adds to the conversation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vaultcore.simulators.reply import (
    Prompt,
    PromptTool,
    Reply,
    ReplyToolCall,
    generate_reply,
    stable_id,
    tokens,
)

MARK = re.compile(r"SCRIPT\(do=(\w+) word=(\w+) calls=(\d) earlier=(\w*)\)")
SHELL_TOOLS = {  # name -> how it takes a command
    "Bash": "command",
    "bash": "command",
    "exec_command": "cmd",
    "run_shell_command": "command",
    "shell": "command",
    "shell_command": "command",
}
ECHO_TOOL = "shout"  # of mcp_server.py, whatever prefix a client gives it
TOOL_SCRIPTS = ("shell", "mcp", "function")
EDITED_FILE = "greeting.txt"
SEARCH_TOOL = "tool_search"  # of Qwen Code, which sends some tools only after a search
FUNCTION_TOOL = "loud"  # a function of `llm`


@dataclass(frozen=True, slots=True)
class Script:
    """One task for the model. `word` is unlike any other script's, so that its traces can be found."""

    do: str  # "shell", "mcp" or "function": call that tool; "edit": write a file; "recall": see below
    word: str
    calls: int = 1  # in parallel; for "recall": of the first script
    earlier: str = ""  # for "recall": the word of the session's first script

    @property
    def prompt(self) -> str:
        mark = f"SCRIPT(do={self.do} word={self.word} calls={self.calls} earlier={self.earlier})"
        return f"Follow this script. {mark}"

    def command(self, number: int) -> str:
        """Return a shell command whose text does not contain its output."""
        return f"printf 'said-%s-%s\\n' {self.word} {number}"

    def argument(self, number: int) -> str:
        return f"{self.word}x{number}"

    def outputs(self) -> list[str]:
        """Return what the tools return: the shell's output, or the word in capitals."""
        numbers = range(1, self.calls + 1)
        if self.do == "shell":
            return [f"said-{self.word}-{number}" for number in numbers]
        return [self.argument(number).upper() for number in numbers]

    @property
    def ending(self) -> str:
        """The last words of a reply if everything that the script needs was in the request."""
        return f"FINISHED {self.word}"


def reply(body: dict[str, Any], prompt: Prompt) -> Reply:
    """Return the next reply of the request's last script, or the default model's if it has none."""
    everything = json.dumps(body, ensure_ascii=False)
    script = _last_script(body)
    if script is None or prompt.schema is not None or prompt.forced_tool is not None:
        return generate_reply(prompt)
    if script.do in TOOL_SCRIPTS and not _is_called(script, everything):
        calls = tuple(_calls(script, prompt)) or tuple(_searches(script, everything, prompt))
        text = "" if calls else f"NO TOOL among {sorted(tool.name for tool in prompt.tools)}"
    else:
        calls, text = (), _last_words(script, everything)
    return Reply(text, calls, False, tokens(everything), tokens(text) or 20)


def _last_script(body: dict[str, Any]) -> Script | None:
    marks = [match for text in _strings(body) for match in MARK.findall(text)]
    if not marks:
        return None
    do, word, calls, earlier = marks[-1]
    return Script(do, word, int(calls), earlier)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _strings(each)


def _last_words(script: Script, everything: str) -> str:
    match script.do:
        case "edit":
            return f"{EDITED_FILE}\n```\nhello {script.word}\n```\n{script.ending}"
        case "recall":
            needed = [Script("", script.earlier).ending]
            if script.calls:  # the output is in the tool result and in the reply that quotes it
                outputs = [output for do in TOOL_SCRIPTS for output in Script(do, script.earlier).outputs()]
                needed += [] if sum(map(everything.count, set(outputs))) > 1 else ["the tool result"]
            absent = [each for each in needed if each not in everything]
            return f"FORGOT {absent}" if absent else script.ending
        case _:
            absent = [each for each in script.outputs() if each not in everything]
            return f"NO OUTPUT {absent}" if absent else f"{script.ending}: {' '.join(script.outputs())}"


def _is_called(script: Script, everything: str) -> bool:
    """Return True if the first call is in the conversation. The prompt contains neither of the two texts."""
    return f"' {script.word} 1" in everything or script.argument(1) in everything


def _calls(script: Script, prompt: Prompt) -> Iterator[ReplyToolCall]:
    for number in range(1, script.calls + 1):
        for tool in prompt.tools:
            if (arguments := _arguments(script, tool, number)) is not None:
                yield ReplyToolCall(stable_id("", script.word, number), tool.name, arguments)
                break


def _searches(script: Script, everything: str, prompt: Prompt) -> Iterator[ReplyToolCall]:
    """Yield the search for the tool, once, if the client defers its tools."""
    if any(tool.name == SEARCH_TOOL for tool in prompt.tools) and f"+{ECHO_TOOL}" not in everything:
        yield ReplyToolCall(stable_id("", script.word, "search"), SEARCH_TOOL, {"query": f"+{ECHO_TOOL}"})


def _arguments(script: Script, tool: PromptTool, number: int) -> dict[str, Any] | None:
    """Return a call's arguments, or None if this is not the script's tool."""
    if script.do == "shell" and tool.name in SHELL_TOOLS:
        return _shell_arguments(tool, script.command(number))
    if (script.do == "mcp" and tool.name.endswith(ECHO_TOOL)) or (
        script.do == "function" and tool.name == FUNCTION_TOOL
    ):
        return {"word": script.argument(number)}
    return None


def _shell_arguments(tool: PromptTool, command: str) -> dict[str, Any]:
    """Return the command in the tool's field, and the other required fields of its schema."""
    fields = tool.schema.get("properties") or {}
    field = SHELL_TOOLS[tool.name]
    is_list = (fields.get(field) or {}).get("type") == "array"
    others = {"description": "prints a word", "is_background": False}
    required = {name: others[name] for name in tool.schema.get("required") or [] if name in others}
    return {**required, field: ["sh", "-c", command] if is_list else command}
