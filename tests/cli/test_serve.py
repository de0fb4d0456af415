"""`vaultedge serve`: what it says, what it refuses, how it ends, and what it does not show."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.served import COMMAND, environment, fill, served
from vaultcore.cli.listener import MAX_HEAD, beyond_loopback, listen, url
from vaultcore.simulators.server import Simulator, simulated
from vaultcore.vault.keyring import Credential
from vaultcore.vault.sealed import seal

QUESTION = {"model": "fast-llm", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def simulators() -> Iterator[dict[str, Simulator]]:
    with simulated({"openai": "openai", "anthropic": "anthropic"}) as running:
        yield running


def ask(base: str, key: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(f"{base}/v1/chat/completions", headers=headers, json=QUESTION, trust_env=False)


def refused(home: Path, *arguments: str, stdin: str = "", **environ: str) -> tuple[int, str]:
    done = subprocess.run(
        [*COMMAND, "serve", "--port", "0", *arguments],
        cwd=home,
        env=environment(home, environ),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stderr


def test_the_first_start_shows_both_keys_and_the_second_none(
    tmp_path: Path, simulators: dict[str, Simulator]
) -> None:
    """Both keys are made and shown once, kept from others, and go on working; Ctrl-C exits with 0."""
    overlay = str(fill(tmp_path, simulators))
    with served(tmp_path, "--providers", overlay) as first:
        said = first.said
        answer = ask(first.url, first.key)
        status = first.stop()
    with served(tmp_path, "--providers", overlay) as second:
        again = ask(second.url, said["system key"])
        admin = ask(second.url, said["admin key"])

    assert (answer.status_code, again.status_code, admin.status_code, status) == (200, 200, 401, 0)
    assert said["admin key"].startswith("va-")
    assert "system key" not in second.said
    assert "admin key" not in second.said
    for name in ("system.key", "admin.key", ".secret"):
        assert (tmp_path / ".vaultedge" / name).stat().st_mode & 0o077 == 0
    assert "Traceback" not in first.errors.read_text()


def test_a_terminated_server_ends_well(tmp_path: Path, simulators: dict[str, Simulator]) -> None:
    """SIGTERM, as service managers send it, ends with 0 too."""
    fill(tmp_path, simulators)
    with served(tmp_path) as gateway:
        assert gateway.stop(signal.SIGTERM) == 0


def test_nothing_secret_is_logged(tmp_path: Path, simulators: dict[str, Simulator]) -> None:
    """At DEBUG, neither a provider's key nor ours, nor what was asked, reaches the log."""
    overlay = str(fill(tmp_path, simulators))
    with served(tmp_path, "--providers", overlay, environ={"VAULTEDGE_LOG_LEVEL": "DEBUG"}) as gateway:
        ask(gateway.url, gateway.key)
        ask(gateway.url, "ve-" + "1" * 48)
        log = gateway.errors.read_text()
        keys = [
            gateway.key,
            gateway.said["admin key"],
            *(key for each in simulators.values() for key in each.keys),
        ]

    assert '"event":"request"' in log
    assert [key for key in [*keys, "ve-1111", "hello"] if key in log] == []


def test_a_vault_string_needs_no_home(tmp_path: Path, simulators: dict[str, Simulator]) -> None:
    """VAULTEDGE_VAULT and a password file serve as well as the vault on disk."""
    home = tmp_path / "other"
    home.mkdir()
    overlay = fill(home, simulators)
    string = seal([Credential(each.name, each.key) for each in simulators.values()], "correct horse")
    (tmp_path / "password").write_text("correct horse\n")
    (tmp_path / "vault").write_text(string + "\n")
    given = ("--providers", str(overlay), "--password-file", str(tmp_path / "password"))

    with served(tmp_path, *given, environ={"VAULTEDGE_VAULT": string}) as gateway:
        first = ask(gateway.url, gateway.key).status_code
        key = gateway.key
    with served(tmp_path, *given, "--vault", str(tmp_path / "vault")) as gateway:
        second = ask(gateway.url, key).status_code

    assert (first, second) == (200, 200)


def test_no_vault_is_refused_with_a_hint(tmp_path: Path) -> None:
    """Where there is no vault it ends with 1, one line and what to do."""
    status, errors = refused(tmp_path)

    assert status == 1
    assert errors.startswith("vaultedge: there is no vault in")
    assert "hint: vaultedge vault init" in errors
    assert "Traceback" not in errors


def test_a_wrong_password_is_refused(tmp_path: Path) -> None:
    """A vault string that does not open ends the start, before anything listens."""
    string = seal([Credential("openai", "sk-marker-0123456789")], "right")

    status, errors = refused(tmp_path, "--vault", "-", stdin=f"{string}\nwrong\n")

    assert status == 1
    assert "sk-marker" not in errors
    assert "Traceback" not in errors


def test_a_port_in_use_is_one_line(tmp_path: Path, simulators: dict[str, Simulator]) -> None:
    """A port that is taken ends with 1 and says how to take another."""
    fill(tmp_path, simulators)
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        status, errors = refused(tmp_path, "--port", port)

    assert status == 1
    assert errors.count("\n") == 1
    assert "something listens there already" in errors


def test_a_broken_overlay_names_file_and_line(tmp_path: Path, simulators: dict[str, Simulator]) -> None:
    """An overlay that cannot be used ends with 1 and names the place."""
    fill(tmp_path, simulators)
    overlay = tmp_path / "broken.yaml"
    overlay.write_text("providers:\n  openai: {base_url: 7}\n")

    status, errors = refused(tmp_path, "--providers", str(overlay))

    assert status == 1
    assert "broken.yaml:2" in errors


@pytest.mark.parametrize("arguments", [("--port", "70000"), ("--port", "x"), ("--hots", "x")])
def test_misuse_ends_with_two(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """What cannot be meant ends with 2."""
    assert refused(tmp_path, *arguments)[0] == 2


def test_a_head_that_does_not_end_is_cut_off(tmp_path: Path, simulators: dict[str, Simulator]) -> None:
    """Headers without end do not fill the memory: the connection is closed."""
    fill(tmp_path, simulators)
    with served(tmp_path) as gateway:
        host, port = gateway.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as line:
            line.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\nx-long: ")
            with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
                line.sendall(b"a" * 64 * MAX_HEAD)
        assert httpx.get(f"{gateway.url}/health", trust_env=False).json() == {"status": "ok"}


def test_sockets_wait_for_nobody() -> None:
    """A listening socket names its protocol, so that asyncio switches Nagle's algorithm off."""
    with listen("127.0.0.1", 0) as held:
        assert held.proto == socket.IPPROTO_TCP
        assert not beyond_loopback(held)
        assert url(held) == f"http://127.0.0.1:{held.getsockname()[1]}"


def test_listening_beyond_this_machine_is_seen() -> None:
    """An address that others can reach is told apart, and shown as one that works from here."""
    with listen("0.0.0.0", 0) as held:
        assert beyond_loopback(held)
        assert url(held).startswith("http://127.0.0.1:")


@pytest.mark.parametrize("store", ["sqlite:notes.txt", "sqlite:", "postgres://elsewhere"])
def test_a_store_that_is_none_is_refused_at_the_start(
    store: str, tmp_path: Path, simulators: dict[str, Simulator]
) -> None:
    """What cannot be a store is named before anybody is served, and left as it is."""
    fill(tmp_path, simulators)
    (tmp_path / "notes.txt").write_text("my notes, no database " * 100)

    status, said = refused(tmp_path, "--store", store)

    assert status == 1
    assert said.startswith("vaultedge: ")
    assert "Traceback" not in said
    assert (tmp_path / "notes.txt").read_text().startswith("my notes")
