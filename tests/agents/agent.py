"""A coding agent as a program: its configuration in a scratch home, and one headless run."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from vaultcore.cli.connect.client import KEY_VARIABLE, Client, ConnectSettings, load_clients
from vaultcore.cli.connect.text import render

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = ROOT / "build/agents"
NODE = PROGRAMS / "node/node_modules/.bin"
MCP_SERVER = [os.path.realpath(os.sys.executable), str(Path(__file__).parent / "mcp_server.py")]
SECONDS = 150  # for one run
KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")  # of the environment; no other client's settings
QUIET = {"CI": "1", "NO_COLOR": "1", "DO_NOT_TRACK": "1", "TERM": "dumb"}


@dataclass(frozen=True, slots=True)
class Home:
    """A scratch home directory with a folder to work in, configured for one client."""

    folder: Path
    settings: ConnectSettings
    client: Client
    environment: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)  # of the command that connects the client

    @property
    def work(self) -> Path:
        return self.folder / "work"


class Agent(Protocol):
    """A coding agent. `not_offered` has the reason of each scenario that it cannot run.

    A key is a scenario, or a scenario and a provider with a space between them.
    """

    id: str  # in clients.yaml
    loop: str  # the script of its tool loop: "shell", "function" or "edit"
    not_offered: Mapping[str, str]

    def prepare(self, home: Home) -> None:
        """Add what only tests need to the configuration: the MCP server, no updates, no telemetry."""
        ...

    def command(self, home: Home, prompt: str, *, resume: bool) -> Sequence[str]:
        """Return the command line of a headless run; `resume` continues the home's last session."""
        ...


def make_home(folder: Path, agent: Agent, settings: ConnectSettings, *, by_shell: bool) -> Home:
    """Return a home that `vaultedge connect` describes: by lines of a shell or by files."""
    client = load_clients()[agent.id]
    in_shell = bool(client.environment) and by_shell
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {"HOME": str(folder), KEY_VARIABLE: settings.key, **QUIET}
    if in_shell:
        environment |= {name: settings.fill(value) for name, value in client.environment.items()}
    for file in () if in_shell else client.files:
        path = file.path(environment)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(file.filled(settings), file.format))
    arguments = shlex.split(settings.fill(client.command))[1:] if in_shell or not client.environment else []
    home = Home(folder, settings, client, environment, arguments)
    home.work.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", home.work], check=True, env=environment)
    agent.prepare(home)
    return home


def run(agent: Agent, home: Home, prompt: str, *, resume: bool = False) -> str:
    """Return what the agent prints. After SECONDS it is stopped, with all that it started."""
    process = subprocess.Popen(
        agent.command(home, prompt, resume=resume),
        cwd=home.work,
        env=home.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        output += f"\n[stopped after {SECONDS} s]"
    return output


def update_json(path: Path, **fields: Any) -> None:
    """Add fields to a JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(content | fields))
