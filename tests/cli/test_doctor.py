"""`vaultedge doctor` on this machine: its checks, its fixes, and no secrets in the output."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.conftest import CommandResult
from tests.fakes.provider import FakeProvider, FakeResponse
from tests.fakes.served import run_serve
from vaultcore.catalog.load import load
from vaultcore.cli.doctor import provider_keys
from vaultcore.cli.doctor.results import CheckResult, CheckStatus, failed, ok
from vaultcore.cli.text_style import TextStyle
from vaultcore.settings import Settings
from vaultcore.simulators.server import Simulator, simulated
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

NOW = 1_900_000_000.0
Doctor = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulated({"openai": "openai"}) as running:
        yield running["openai"]


@pytest.fixture
def environ(tmp_path: Path, simulator: Simulator) -> dict[str, str]:
    """Environment of a machine without problems, once its vault is filled."""
    overlay = tmp_path / "providers.yaml"
    overlay.write_text(f"providers:\n  openai: {{base_url: '{simulator.base_url}', local: true}}\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return {"PROVIDERS_FILE": str(overlay), "VAULTEDGE_PORT": str(port)}


@pytest.fixture
def vault(home: Path, simulator: Simulator) -> LocalVault:
    vault = LocalVault(home)
    vault.add([Credential("openai", simulator.key)])
    return vault


@pytest.fixture
def doctor(vaultedge: Callable[..., CommandResult], environ: dict[str, str]) -> Doctor:
    """Run `doctor --json` and return the exit status and the results by check."""

    def run(*options: str, **more: str) -> tuple[int, dict[str, dict[str, Any]]]:
        result = vaultedge("doctor", "--json", *options, environ={**environ, **more})
        report = json.loads(result.out)
        assert report["ok"] is (result.status == 0)
        assert result.err == ""
        return result.status, {each["check"]: each for each in report["checks"]}

    return run


def failed_checks(results: dict[str, dict[str, Any]]) -> set[str]:
    """Return the names of the failed checks; each must have a fix."""
    names = {name for name, each in results.items() if each["state"] == "failed"}
    assert all(results[name]["cure"] for name in names)
    return names


def test_all_checks_pass(vault: LocalVault, doctor: Doctor, simulator: Simulator) -> None:
    """Vault, catalog, store, keys, port and clock are checked, and no file is left."""
    before = sorted(vault.home.iterdir())
    status, results = doctor()

    assert (status, failed_checks(results)) == (0, set())
    assert list(results) == ["data", "vault", "catalog", "store", "key openai", "port", "clock"]
    assert sorted(vault.home.iterdir()) == before
    assert simulator.key not in json.dumps(results)


def test_text_output(
    vault: LocalVault, vaultedge: Callable[..., CommandResult], environ: dict[str, str], simulator: Simulator
) -> None:
    """One line per check; a failed check has a second line with the fix; neither contains a key."""
    vault.add([Credential("openai", "sk-wrong-CANARY-0001")])
    result = vaultedge("doctor", environ=environ)

    assert result.status == 1
    [line, fix] = [each for each in result.out.splitlines() if "status 401" in each or "add-key" in each]
    assert line.split()[:3] == ["failed", "key", "openai"]
    assert fix.strip().startswith("fix: ")
    assert not [key for key in (simulator.key, "CANARY") if key in result.out + result.err]


def test_a_new_machine_needs_only_a_vault(home: Path, doctor: Doctor) -> None:
    """Without a vault, only that check fails; the fix is the first command, and nothing is created."""
    status, results = doctor()

    assert (status, failed_checks(results)) == (1, {"vault"})
    assert "vaultedge vault" in results["vault"]["cure"]
    assert results["provider keys"]["state"] == "skipped"
    assert not home.exists()


def test_offline_calls_no_provider(home: Path, doctor: Doctor) -> None:
    """--offline skips the provider keys."""
    with FakeProvider() as provider:
        LocalVault(home).add([Credential("openai", "sk-any")])
        status, results = doctor("--offline")

        assert (status, results["provider keys"]["state"], provider.requests) == (0, "skipped", [])


def test_shared_files_are_reported(vault: LocalVault, doctor: Doctor) -> None:
    """Files and directories that others can access are reported with the chmod command."""
    vault.home.chmod(0o777)
    (vault.home / "admin.key").touch()
    (vault.home / "admin.key").chmod(0o644)
    status, results = doctor("--offline")

    assert (status, failed_checks(results)) == (1, {"data"})
    assert results["data"]["cure"] == f"run chmod go-rwx {vault.home} {vault.home / 'admin.key'}"


def test_a_damaged_vault_is_reported(vault: LocalVault, doctor: Doctor) -> None:
    """A vault that does not open fails its check."""
    vault.secret_file.write_text("0" * 64)
    status, results = doctor("--offline")

    assert (status, failed_checks(results)) == (1, {"vault"})


def test_a_broken_overlay_is_reported(vault: LocalVault, doctor: Doctor, tmp_path: Path) -> None:
    """An invalid overlay is reported with its path; the other checks still run."""
    overlay = tmp_path / "broken.yaml"
    overlay.write_text("providers: {openai: {nonsense: 1}}\n")
    status, results = doctor(PROVIDERS_FILE=str(overlay))

    assert (status, failed_checks(results)) == (1, {"catalog"})
    assert str(overlay) in results["catalog"]["told"]
    assert results["store"]["state"] == "ok"


def test_the_store_is_written_and_read(vault: LocalVault, doctor: Doctor, tmp_path: Path) -> None:
    """The store is written and read, an unusable store fails, and the test document is deleted."""
    with run_serve(tmp_path, environ={"VAULTEDGE_HOME": str(vault.home)}):
        _, used = doctor("--offline")
    _, missing = doctor("--offline", VAULTEDGE_STORE=f"sqlite:{tmp_path / 'absent' / 'x.db'}")
    status, results = doctor("--offline", VAULTEDGE_STORE=f"sqlite:{tmp_path}")

    assert used["store"]["told"] == "sqlite store can be written and read"
    assert missing["store"]["state"] == "ok"
    assert not (tmp_path / "absent").exists()
    assert (status, failed_checks(results)) == (1, {"store"})


def test_a_port_in_use_is_reported(vault: LocalVault, doctor: Doctor, tmp_path: Path) -> None:
    """A port used by another program fails; a port used by a VaultEdge gateway does not."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        status, results = doctor("--offline", VAULTEDGE_PORT=str(other.getsockname()[1]))
    with run_serve(tmp_path, environ={"VAULTEDGE_HOME": str(vault.home)}) as gateway:
        port = gateway.url.rpartition(":")[2]
        status_with_gateway, ours = doctor("--offline", VAULTEDGE_PORT=port)

    assert (status, failed_checks(results)) == (1, {"port"})
    assert (status_with_gateway, ours["port"]["told"]) == (0, f"a gateway is running at 127.0.0.1:{port}")


@pytest.mark.parametrize(
    "options",
    [("--live",), ("--region", "eu-west-1"), ("--url", "https://a"), ("--stack", "a", "--offline")],
)
def test_incompatible_options_are_usage_errors(
    options: tuple[str, ...], vaultedge: Callable[..., CommandResult]
) -> None:
    """Options for a stack need --stack, and --offline excludes it."""
    assert vaultedge("doctor", *options).status == 2


def test_keys_are_checked_concurrently(tmp_path: Path) -> None:
    """Valid, rejected, rate-limited and silent keys are checked in the time of one; none is quoted."""
    keys = {name: f"sk-CANARY-{name}" for name in ("good", "refused", "limited", "silent")}
    with FakeProvider() as provider:
        provider.script(keys["good"], FakeResponse(body=b'{"data": []}', headers={"date": formatdate(NOW)}))
        provider.script(keys["refused"], FakeResponse(status=401))
        provider.script(keys["limited"], FakeResponse(status=429))
        provider.script(keys["silent"], FakeResponse(hang=True))
        overlay = tmp_path / "providers.yaml"
        rows = "\n".join(f"  p-{name}: {{base_url: '{provider.base_url}', local: true}}" for name in keys)
        overlay.write_text(f"providers:\n{rows}\n")
        credentials = [Credential(f"p-{name}", key) for name, key in keys.items()]
        credentials.append(Credential("unlisted", "sk-CANARY-unlisted"))
        checked = asyncio.run(provider_keys.check_keys(credentials, load(overlay), Settings(), seconds=0.5))

    report = {each.check: each for each in checked.results}
    assert [name for name, each in report.items() if each.state is CheckStatus.OK] == ["key p-good"]
    assert "401" in report["key p-refused"].message
    assert "429" in report["key p-limited"].message
    assert "0.5 s" in report["key p-silent"].message
    assert "the catalog has no provider" in report["key unlisted"].message
    assert (checked.working, checked.dates) == (frozenset({"p-good"}), [formatdate(NOW)])
    assert "CANARY" not in json.dumps([each.json() for each in checked.results])


@given(off=st.integers(-10_000, 10_000))
def test_the_clock_is_compared_with_servers(off: int) -> None:
    """A clock that differs from response dates by more than a minute fails, in both directions."""
    result = provider_keys.check_clock([formatdate(NOW)], NOW + off)

    assert (result.state is CheckStatus.FAILED) is (abs(off) > 60)
    if result.state is CheckStatus.FAILED:
        assert result.message == f"{abs(off)} s {'ahead of' if off > 0 else 'behind'} other servers"


@given(dates=st.lists(st.text(max_size=40)))
def test_invalid_dates_are_ignored(dates: list[str]) -> None:
    """Invalid or wrong dates of some servers do not fail the check."""
    correct = [formatdate(NOW)] * (len(dates) + 1)

    assert provider_keys.check_clock([*dates, *correct], NOW).state is CheckStatus.OK


def test_results_contain_no_control_characters() -> None:
    """A result stays on its line, without escape sequences."""
    plain = TextStyle(enabled=False)
    text = failed("url", "one\ntwo \x1b[31m", "fix\r\n").text(plain)

    assert text.splitlines() == [
        "failed  url              one two [31m",
        f"{'':<24} fix: fix",
    ]
    assert "\x1b" not in text
    assert ok("url", "fine") == CheckResult("url", CheckStatus.OK, "fine")
