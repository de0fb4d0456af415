"""`vaultedge demo`: it reports its requests, keeps serving and leaves no files."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.fakes.served import COMMAND, environment


def run_demo(home: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
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


def test_once_prints_all_requests_and_exits(tmp_path: Path) -> None:
    """`--once` exits with 0 and prints every attempt with its target, status, duration and cost."""
    done = run_demo(tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"openai/gpt-4o-mini +429 +too many requests +key [0-9a-f]{4}, \d+ ms", done.stdout)
    assert re.search(r"openai/gpt-4o-mini +503 +overloaded +key [0-9a-f]{4}, \d+ ms", done.stdout)
    assert re.search(r"anthropic/claude-haiku-4-5 +200 +ok", done.stdout)
    assert re.search(r"3 attempts, \d+ ms in total; 0\.000\d+ USD at list prices", done.stdout)
    assert re.search(r"first token after \d+ ms, \d+ chunks, \d+ ms in total", done.stdout)


def test_no_provider_key_is_printed_and_no_file_is_left(tmp_path: Path) -> None:
    """No provider key is printed, a pipe gets no color codes, and the home directory stays unchanged."""
    done = run_demo(tmp_path)

    assert "sk-simulated" not in done.stdout
    assert "\x1b" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_without_unicode_works(tmp_path: Path) -> None:
    """Characters that the terminal cannot display are replaced."""
    done = run_demo(tmp_path, PYTHONIOENCODING="ascii")

    assert done.returncode == 0


@pytest.mark.parametrize("sent_signal", [signal.SIGINT, signal.SIGTERM])
def test_it_keeps_serving_until_ctrl_c(tmp_path: Path, sent_signal: signal.Signals) -> None:
    """The printed URL and key work; Ctrl-C ends the demo with 0, no traceback and no files left."""
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
        response = httpx.post(
            f"{base[1]}/chat/completions",
            headers={"authorization": f"Bearer {key[1]}"},
            json={"model": "fast-llm", "messages": [{"role": "user", "content": "Hello"}]},
            trust_env=False,
        )
        console = httpx.get(base[1].replace("/v1", "/console/"), trust_env=False)
        process.send_signal(sent_signal)
        out, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()

    assert response.json()["choices"][0]["message"]["content"]
    assert console.status_code == 200
    assert (process.returncode, errors) == (0, "")
    assert "demo stopped" in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("--port", "x"), ("--prt", "1")])
def test_a_wrong_option_is_a_usage_error(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """An unknown option exits with 2."""
    assert run_demo(tmp_path, *arguments).returncode == 2
