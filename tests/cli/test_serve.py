"""`vaultedge serve`: its output, start-up errors, limits and shutdown."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.served import COMMAND, environment, prepare_home, run_serve
from vaultcore.cli.connections import MAX_HEAD
from vaultcore.cli.listener import is_public, listen, url
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


def run_failing(home: Path, *arguments: str, stdin: str = "", **environ: str) -> tuple[int, str]:
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


def test_only_the_first_start_prints_the_keys(tmp_path: Path, simulators: dict[str, Simulator]) -> None:
    """The first start creates both keys in private files and prints them; Ctrl-C exits with 0."""
    overlay = str(prepare_home(tmp_path, simulators))
    with run_serve(tmp_path, "--providers", overlay) as first:
        printed = first.printed
        response = ask(first.url, first.key)
        status = first.stop()
    with run_serve(tmp_path, "--providers", overlay) as second:
        again = ask(second.url, printed["system key"])
        admin = ask(second.url, printed["admin key"])

    assert (response.status_code, again.status_code, admin.status_code, status) == (200, 200, 401, 0)
    assert printed["admin key"].startswith("va-")
    assert "system key" not in second.printed
    assert "admin key" not in second.printed
    for name in ("system.key", "admin.key", ".secret"):
        assert (tmp_path / ".vaultedge" / name).stat().st_mode & 0o077 == 0
    assert "Traceback" not in first.errors.read_text()


def test_sigterm_exits_with_0(tmp_path: Path, simulators: dict[str, Simulator]) -> None:
    """SIGTERM, which service managers send, exits with 0."""
    prepare_home(tmp_path, simulators)
    with run_serve(tmp_path) as gateway:
        assert gateway.stop(signal.SIGTERM) == 0


def test_no_secret_is_logged(tmp_path: Path, simulators: dict[str, Simulator]) -> None:
    """At DEBUG, the log contains no provider key, no gateway key and no prompt."""
    overlay = str(prepare_home(tmp_path, simulators))
    with run_serve(tmp_path, "--providers", overlay, environ={"VAULTEDGE_LOG_LEVEL": "DEBUG"}) as gateway:
        ask(gateway.url, gateway.key)
        ask(gateway.url, "ve-" + "1" * 48)
        log = gateway.errors.read_text()
        keys = [
            gateway.key,
            gateway.printed["admin key"],
            *(key for each in simulators.values() for key in each.keys),
        ]

    assert '"event":"request"' in log
    assert [key for key in [*keys, "ve-1111", "hello"] if key in log] == []


def test_a_vault_string_needs_no_home(tmp_path: Path, simulators: dict[str, Simulator]) -> None:
    """VAULTEDGE_VAULT or --vault with a password file works like the vault on disk."""
    home = tmp_path / "other"
    home.mkdir()
    overlay = prepare_home(home, simulators)
    string = seal([Credential(each.name, each.key) for each in simulators.values()], "correct horse")
    (tmp_path / "password").write_text("correct horse\n")
    (tmp_path / "vault").write_text(string + "\n")
    options = ("--providers", str(overlay), "--password-file", str(tmp_path / "password"))

    with run_serve(tmp_path, *options, environ={"VAULTEDGE_VAULT": string}) as gateway:
        first = ask(gateway.url, gateway.key).status_code
        key = gateway.key
    with run_serve(tmp_path, *options, "--vault", str(tmp_path / "vault")) as gateway:
        second = ask(gateway.url, key).status_code

    assert (first, second) == (200, 200)


def test_a_missing_vault_fails_with_a_hint(tmp_path: Path) -> None:
    """Without a vault, `serve` exits with 1, one line and a hint."""
    status, errors = run_failing(tmp_path)

    assert status == 1
    assert errors.startswith("vaultedge: there is no vault in")
    assert "hint: create one with vaultedge vault init" in errors
    assert "Traceback" not in errors


def test_a_wrong_password_fails(tmp_path: Path) -> None:
    """A vault string that does not open ends the start before the gateway listens."""
    string = seal([Credential("openai", "sk-marker-0123456789")], "right")

    status, errors = run_failing(tmp_path, "--vault", "-", stdin=f"{string}\nwrong\n")

    assert status == 1
    assert "sk-marker" not in errors
    assert "Traceback" not in errors


def test_a_port_in_use_is_one_line(tmp_path: Path, simulators: dict[str, Simulator]) -> None:
    """A port in use exits with 1 and says how to choose another."""
    prepare_home(tmp_path, simulators)
    with listen("127.0.0.1", 0) as used:
        port = str(used.getsockname()[1])
        status, errors = run_failing(tmp_path, "--port", port)

    assert status == 1
    assert errors.count("\n") == 1
    assert "already in use" in errors


def test_a_broken_overlay_names_file_and_line(tmp_path: Path, simulators: dict[str, Simulator]) -> None:
    """An invalid overlay exits with 1 and names the file and the line."""
    prepare_home(tmp_path, simulators)
    overlay = tmp_path / "broken.yaml"
    overlay.write_text("providers:\n  openai: {base_url: 7}\n")

    status, errors = run_failing(tmp_path, "--providers", str(overlay))

    assert status == 1
    assert "broken.yaml:2" in errors


@pytest.mark.parametrize("arguments", [("--port", "70000"), ("--port", "x"), ("--hots", "x")])
def test_usage_errors_exit_with_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Invalid options exit with 2."""
    assert run_failing(tmp_path, *arguments)[0] == 2


def test_endless_headers_close_the_connection(tmp_path: Path, simulators: dict[str, Simulator]) -> None:
    """Endless headers do not fill the memory: the gateway closes the connection."""
    prepare_home(tmp_path, simulators)
    with run_serve(tmp_path) as gateway:
        host, port = gateway.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as line:
            line.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\nx-long: ")
            with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
                line.sendall(b"a" * 512 * MAX_HEAD)  # more than the buffers of both sockets
        assert httpx.get(f"{gateway.url}/health", trust_env=False).json() == {"status": "ok"}


def test_sockets_disable_nagles_algorithm() -> None:
    """A listening socket names its protocol, so that asyncio disables Nagle's algorithm."""
    with listen("127.0.0.1", 0) as server_socket:
        assert server_socket.proto == socket.IPPROTO_TCP
        assert not is_public(server_socket)
        assert url(server_socket) == f"http://127.0.0.1:{server_socket.getsockname()[1]}"


def test_a_public_address_is_detected() -> None:
    """An address that others can reach is detected; its URL uses the loopback address."""
    with listen("0.0.0.0", 0) as server_socket:
        assert is_public(server_socket)
        assert url(server_socket).startswith("http://127.0.0.1:")


@pytest.mark.parametrize("store", ["sqlite:notes.txt", "sqlite:", "postgres://elsewhere"])
def test_an_invalid_store_fails_at_start(
    store: str, tmp_path: Path, simulators: dict[str, Simulator]
) -> None:
    """An invalid store is reported before the gateway serves, and the file stays unchanged."""
    prepare_home(tmp_path, simulators)
    (tmp_path / "notes.txt").write_text("my notes, no database " * 100)

    status, errors = run_failing(tmp_path, "--store", store)

    assert status == 1
    assert errors.startswith("vaultedge: ")
    assert "Traceback" not in errors
    assert (tmp_path / "notes.txt").read_text().startswith("my notes")
