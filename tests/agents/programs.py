"""The coding agents: how each runs without a person, and what it does not offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from tests.agents.agent import MCP_SERVER, NODE, PROGRAMS, Agent, Home, update_json

ALL_OFFERED: Mapping[str, str] = MappingProxyType({})
MCP = {"command": MCP_SERVER[0], "args": MCP_SERVER[1:]}


class ClaudeCode:
    id = "claude-code"
    loop = "shell"
    not_offered = ALL_OFFERED

    def prepare(self, home: Home) -> None:
        home.environment["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] = "1"
        update_json(home.folder / "mcp.json", mcpServers={"echo": MCP})

    def command(self, home: Home, prompt: str, *, resume: bool) -> Sequence[str]:
        tools = ["--allowedTools", "Bash,mcp__echo__shout", "--mcp-config", str(home.folder / "mcp.json")]
        return [str(NODE / "claude"), *(["-c"] if resume else []), "-p", prompt, *tools]


class Codex:
    id = "codex"
    loop = "shell"
    not_offered = ALL_OFFERED

    def prepare(self, home: Home) -> None:
        config = home.folder / ".codex/config.toml"
        server = f'[mcp_servers.echo]\ncommand = "{MCP_SERVER[0]}"\nargs = ["{MCP_SERVER[1]}"]\n'
        quiet = "check_for_update_on_startup = false\n"
        config.write_text(f"{quiet}{config.read_text()}\n[analytics]\nenabled = false\n\n{server}")

    def command(self, home: Home, prompt: str, *, resume: bool) -> Sequence[str]:
        options = ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
        session = ["resume", "--last"] if resume else []
        return [str(NODE / "codex"), "exec", *session, *options, prompt]


class GeminiCli:
    id = "gemini-cli"
    loop = "shell"
    not_offered: Mapping[str, str] = MappingProxyType(
        {"resume gemini": "Gemini CLI repeats a result when it resumes, which Gemini's own API rejects"}
    )

    def prepare(self, home: Home) -> None:
        quiet = {"privacy": {"usageStatisticsEnabled": False}, "general": {"disableAutoUpdate": True}}
        update_json(
            home.folder / ".gemini/settings.json", mcpServers={"echo": {**MCP, "trust": True}}, **quiet
        )

    def command(self, home: Home, prompt: str, *, resume: bool) -> Sequence[str]:
        session = ["--resume", "latest"] if resume else []
        return [str(NODE / "gemini"), *home.arguments, *session, "--yolo", "--skip-trust", "-p", prompt]


class QwenCode:
    id = "qwen-code"
    loop = "shell"
    not_offered = ALL_OFFERED

    def prepare(self, home: Home) -> None:
        quiet = {"privacy": {"usageStatisticsEnabled": False}, "general": {"disableAutoUpdate": True}}
        update_json(home.folder / ".qwen/settings.json", mcpServers={"echo": {**MCP, "trust": True}}, **quiet)

    def command(self, home: Home, prompt: str, *, resume: bool) -> Sequence[str]:
        return [
            str(NODE / "qwen"),
            *home.arguments,
            *(["--continue"] if resume else []),
            "--yolo",
            "-p",
            prompt,
        ]


class OpenCode:
    id = "opencode"
    loop = "shell"
    not_offered = ALL_OFFERED

    def prepare(self, home: Home) -> None:
        server = {"type": "local", "command": MCP_SERVER, "enabled": True}
        quiet = {"autoupdate": False, "share": "disabled", "permission": "allow"}
        update_json(home.folder / ".config/opencode/opencode.json", mcp={"echo": server}, **quiet)
        for name in ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD"):
            home.environment[f"OPENCODE_DISABLE_{name}"] = "1"

    def command(self, home: Home, prompt: str, *, resume: bool) -> Sequence[str]:
        return [str(NODE / "opencode"), "run", *(["-c"] if resume else []), prompt]


class Aider:
    id = "aider"
    loop = "edit"
    not_offered: Mapping[str, str] = MappingProxyType(
        {
            "parallel": "aider has no tools: it edits files from the model's text, which `tool` runs",
            "mcp": "aider has no MCP client",
        }
    )

    def prepare(self, home: Home) -> None:
        pass

    def command(self, home: Home, prompt: str, *, resume: bool) -> Sequence[str]:
        quiet = ["--no-analytics", "--no-check-update", "--no-show-release-notes", "--no-show-model-warnings"]
        plain = ["--yes-always", "--no-git", "--no-pretty", "--no-gitignore", "--edit-format", "whole"]
        session = ["--restore-chat-history"] if resume else []
        return [
            str(PROGRAMS / "aider/bin/aider"),
            *home.arguments,
            *quiet,
            *plain,
            *session,
            "--message",
            prompt,
        ]


class Llm:
    id = "llm"
    loop = "function"
    not_offered: Mapping[str, str] = MappingProxyType({"mcp": "llm has no MCP client without a plugin"})

    def prepare(self, home: Home) -> None:
        (home.folder / "loud.py").write_text(
            'def loud(word: str) -> str:\n    """Return a word in capitals."""\n    return word.upper()\n'
        )

    def command(self, home: Home, prompt: str, *, resume: bool) -> Sequence[str]:
        tools = ["--functions", str(home.folder / "loud.py")]
        return [str(PROGRAMS / "llm/bin/llm"), *home.arguments, *(["-c"] if resume else []), *tools, prompt]


AGENTS: tuple[Agent, ...] = (ClaudeCode(), Codex(), GeminiCli(), OpenCode(), QwenCode(), Aider(), Llm())
