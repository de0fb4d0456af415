"""`make invoke` with every event in events/, under AWS's emulator."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.handlers.deployment import ADMIN_KEY, EVENTS, ROOT, SYSTEM_KEY
from tests.handlers.invoke import COMMANDS

OTHER_STATUS = {
    "invalid_json": 400,
    "unauthorized": 401,
    "not_found": 404,
    "method_not_allowed": 405,
    "console": 307,
}
NO_REQUEST = {"warm_up": {}, "stream_completed": {}, "upkeep": {"failed": []}}  # events without a status
ADMIN_EVENTS = {"admin_health", "admin_keys"}


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.handlers.invoke", *map(str, arguments)],
        check=False,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def parse_output(printed: str) -> dict[str, tuple[str, list[str]]]:
    """Return the function and the output lines of each event."""
    results = {}
    for part in printed.split("--- ")[1:]:
        head, *lines = part.splitlines()
        path, function = shlex.split(head.replace(" -> ", " "))
        results[Path(path).stem] = function, lines
    return results


@pytest.fixture(scope="module")
def completed() -> subprocess.CompletedProcess[str]:
    """Run all events in one command, so that each function starts once."""
    return run(*sorted(EVENTS.glob("*.json")))


def test_every_event_goes_to_its_function(completed: subprocess.CompletedProcess[str]) -> None:
    """Each event goes to its function and is printed as status, headers and readable body."""
    answers = parse_output(completed.stdout)

    assert completed.returncode == 0, completed.stderr
    assert answers.keys() == {file.stem for file in EVENTS.glob("*.json")}
    for name, (function, lines) in answers.items():
        assert (function == "admin") == (name in ADMIN_EVENTS)
        if name in NO_REQUEST:
            assert json.loads("\n".join(lines)) == NO_REQUEST[name]
        else:
            status = OTHER_STATUS.get(name, 201 if name == "admin_keys" else 200)
            assert lines[0] == f"HTTP {status}{', streamed' if function == 'stream' else ''}"
            assert any(line.startswith("x-request-id: ") for line in lines[1 : lines.index("")])
    assert '"content": "Hello from a fake provider."' in completed.stdout
    assert answers["chat_stream"][1][-1] == "data: [DONE]"


def test_no_key_is_printed(completed: subprocess.CompletedProcess[str]) -> None:
    """Neither the responses nor the functions' output contain the keys of the events."""
    assert not [key for key in (SYSTEM_KEY, ADMIN_KEY) if key in completed.stdout + completed.stderr]


def test_function_option_selects_the_function() -> None:
    """With FUNCTION=api, the buffered handler returns the same response, not streamed."""
    completed = run("--function", "api", EVENTS / "chat.json")
    function, lines = parse_output(completed.stdout)["chat"]

    assert (function, lines[0]) == ("api", "HTTP 200")
    assert "Hello from a fake provider." in completed.stdout


def test_an_invalid_file_is_reported(tmp_path: Path) -> None:
    """A missing file or invalid JSON ends the command with one line."""
    broken = tmp_path / "broken.json"
    broken.write_text("{", "utf-8")
    for file in (tmp_path / "absent.json", broken):
        completed = run(file)

        assert (completed.returncode, completed.stdout) == (1, "")
        assert len(completed.stderr.splitlines()) == 1


def test_there_is_a_command_for_each_function() -> None:
    """Every function that `make invoke` can start exists in handlers/."""
    modules = {file.stem for file in (ROOT / "handlers").glob("*.py")}

    assert COMMANDS.keys() <= modules
