"""`vaultedge demo`: the story ends well, tells what happened, and leaves nothing behind."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.fakes.served import COMMAND, environment


def told(home: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "demo", "--once", *arguments],
        cwd=home,
        env=environment(home, environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_story_is_told_and_ends(tmp_path: Path) -> None:
    """`--once` exits with 0 and shows who was tried, with which status, for how long and what it cost."""
    done = told(tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"openai/gpt-4o-mini +429 +too many requests +key [0-9a-f]{4}, \d+ ms", done.stdout)
    assert re.search(r"openai/gpt-4o-mini +503 +overloaded +key [0-9a-f]{4}, \d+ ms", done.stdout)
    assert re.search(r"anthropic/claude-haiku-4-5 +200 +answered", done.stdout)
    assert re.search(r"3 attempts, \d+ ms in all; at list prices it costs 0\.000\d+ usd", done.stdout)
    assert re.search(r"first words after \d+ ms, \d+ pieces, \d+ ms in all", done.stdout)


def test_the_story_shows_no_provider_key_and_leaves_nothing(tmp_path: Path) -> None:
    """No provider key is printed, no colour goes into a pipe, and the home directory stays as it was."""
    done = told(tmp_path)

    assert "sk-simulated" not in done.stdout
    assert "\x1b" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_without_unicode_gets_the_story(tmp_path: Path) -> None:
    """What a terminal cannot show is replaced, not crashed on."""
    done = told(tmp_path, PYTHONIOENCODING="ascii")

    assert done.returncode == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_keeps_serving_until_ctrl_c(tmp_path: Path, how: signal.Signals) -> None:
    """After the story the printed URL and key work; Ctrl-C ends it with 0, no traceback and nothing left."""
    process = subprocess.Popen(
        [*COMMAND, "demo", "--port", "0"],
        cwd=tmp_path,
        env=environment(tmp_path, {"TMPDIR": str(tmp_path)}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = []
        while "ctrl-c" not in (line := process.stdout.readline()):
            assert line
            lines.append(line)
        text = "".join(lines)
        base = re.search(r"base url +(\S+)", text)
        key = re.search(r"key +(ve-[0-9a-f]{40,})", text)
        assert base is not None
        assert key is not None
        answer = httpx.post(
            f"{base[1]}/chat/completions",
            headers={"authorization": f"Bearer {key[1]}"},
            json={"model": "fast-llm", "messages": [{"role": "user", "content": "Hello"}]},
            trust_env=False,
        )
        console = httpx.get(base[1].replace("/v1", "/console/"), trust_env=False)
        process.send_signal(how)
        out, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()

    assert answer.json()["choices"][0]["message"]["content"]
    assert console.status_code == 200
    assert (process.returncode, errors) == (0, "")
    assert "the demo has ended" in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("--port", "x"), ("--prt", "1")])
def test_a_wrong_option_is_misuse(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """What is not understood ends with 2 and one line."""
    assert told(tmp_path, *arguments).returncode == 2
