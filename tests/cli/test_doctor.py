"""`vaultedge doctor` on this machine: what it finds, what it advises, and what it never shows."""

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

from tests.cli.conftest import Ran
from tests.fakes.provider import Answer, FakeProvider
from tests.fakes.served import served
from vaultcore.catalog.load import load
from vaultcore.cli.color import Paint
from vaultcore.cli.doctor import provider_keys
from vaultcore.cli.doctor.findings import Finding, State, failed, ok
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
    """Of a machine on which all is well, once its vault is filled."""
    overlay = tmp_path / "providers.yaml"
    overlay.write_text(f"providers:\n  openai: {{base_url: '{simulator.base_url}', local: true}}\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return {"PROVIDERS_FILE": str(overlay), "VAULTEDGE_PORT": str(port)}


@pytest.fixture
def vault(home: Path, simulator: Simulator) -> LocalVault:
    made = LocalVault(home)
    made.add([Credential("openai", simulator.key)])
    return made


@pytest.fixture
def doctor(vaultedge: Callable[..., Ran], environ: dict[str, str]) -> Doctor:
    """Exit status and findings by their name."""

    def run(*options: str, **more: str) -> tuple[int, dict[str, dict[str, Any]]]:
        ran = vaultedge("doctor", "--json", *options, environ={**environ, **more})
        told = json.loads(ran.out)
        assert told["ok"] is (ran.status == 0)
        assert ran.err == ""
        return ran.status, {each["check"]: each for each in told["checks"]}

    return run


def wrong(found: dict[str, dict[str, Any]]) -> set[str]:
    """The names of what failed; each such finding has its cure."""
    names = {name for name, each in found.items() if each["state"] == "failed"}
    assert all(found[name]["cure"] for name in names)
    return names


def test_all_is_well(vault: LocalVault, doctor: Doctor, simulator: Simulator) -> None:
    """Vault, catalog, store, keys, port and clock are looked at, and nothing is left behind."""
    before = sorted(vault.home.iterdir())
    status, found = doctor()

    assert (status, wrong(found)) == (0, set())
    assert list(found) == ["data", "vault", "catalog", "store", "key openai", "port", "clock"]
    assert sorted(vault.home.iterdir()) == before
    assert simulator.key not in json.dumps(found)


def test_text_for_people(
    vault: LocalVault, vaultedge: Callable[..., Ran], environ: dict[str, str], simulator: Simulator
) -> None:
    """A line for each check; under what failed one more with its cure; no key in either."""
    vault.add([Credential("openai", "sk-wrong-CANARY-0001")])
    ran = vaultedge("doctor", environ=environ)

    assert ran.status == 1
    [line, cure] = [each for each in ran.out.splitlines() if "answered with 401" in each or "add-key" in each]
    assert line.split()[:3] == ["failed", "key", "openai"]
    assert cure.strip().startswith("cure: ")
    assert not [key for key in (simulator.key, "CANARY") if key in ran.out + ran.err]


def test_a_fresh_machine(home: Path, doctor: Doctor) -> None:
    """Without a vault that alone is wrong, and the first command is the cure; nothing is made."""
    status, found = doctor()

    assert (status, wrong(found)) == (1, {"vault"})
    assert "vaultedge vault" in found["vault"]["cure"]
    assert found["provider keys"]["state"] == "skipped"
    assert not home.exists()


def test_offline_asks_nobody(home: Path, doctor: Doctor) -> None:
    """--offline leaves providers alone."""
    with FakeProvider() as provider:
        LocalVault(home).add([Credential("openai", "sk-any")])
        status, found = doctor("--offline")

        assert (status, found["provider keys"]["state"], provider.requests) == (0, "skipped", [])


def test_others_can_read_what_is_secret(vault: LocalVault, doctor: Doctor) -> None:
    """Files that others can read are named with the command that closes them, and so is an open directory."""
    vault.home.chmod(0o777)
    (vault.home / "admin.key").touch()
    (vault.home / "admin.key").chmod(0o644)
    status, found = doctor("--offline")

    assert (status, wrong(found)) == (1, {"data"})
    assert found["data"]["cure"] == f"chmod go-rwx {vault.home} {vault.home / 'admin.key'}"


def test_a_damaged_vault(vault: LocalVault, doctor: Doctor) -> None:
    """A vault that does not open is told without its text."""
    vault.secret_file.write_text("0" * 64)
    status, found = doctor("--offline")

    assert (status, wrong(found)) == (1, {"vault"})


def test_a_broken_overlay(vault: LocalVault, doctor: Doctor, tmp_path: Path) -> None:
    """An overlay that is not valid is named with the line, and the rest is looked at all the same."""
    overlay = tmp_path / "broken.yaml"
    overlay.write_text("providers: {openai: {nonsense: 1}}\n")
    status, found = doctor(PROVIDERS_FILE=str(overlay))

    assert (status, wrong(found)) == (1, {"catalog"})
    assert str(overlay) in found["catalog"]["told"]
    assert found["store"]["state"] == "ok"


def test_the_store(vault: LocalVault, doctor: Doctor, tmp_path: Path) -> None:
    """A store is written to and read; one that cannot be is told; what was written is taken away again."""
    with served(tmp_path, environ={"VAULTEDGE_HOME": str(vault.home)}):
        _, made = doctor("--offline")
    _, kept = doctor("--offline", VAULTEDGE_STORE=f"sqlite:{tmp_path / 'absent' / 'x.db'}")
    status, found = doctor("--offline", VAULTEDGE_STORE=f"sqlite:{tmp_path}")

    assert made["store"]["told"] == "sqlite can be written and read"
    assert kept["store"]["state"] == "ok"
    assert not (tmp_path / "absent").exists()
    assert (status, wrong(found)) == (1, {"store"})


def test_a_port_that_is_taken(vault: LocalVault, doctor: Doctor, tmp_path: Path) -> None:
    """A stranger on the port is wrong; a gateway of ours that runs there already is not."""
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        status, found = doctor("--offline", VAULTEDGE_PORT=str(stranger.getsockname()[1]))
    with served(tmp_path, environ={"VAULTEDGE_HOME": str(vault.home)}) as gateway:
        port = gateway.url.rpartition(":")[2]
        well, ours = doctor("--offline", VAULTEDGE_PORT=port)

    assert (status, wrong(found)) == (1, {"port"})
    assert (well, ours["port"]["told"]) == (0, f"a gateway answers at 127.0.0.1:{port}")


@pytest.mark.parametrize(
    "options",
    [("--live",), ("--region", "eu-west-1"), ("--url", "https://a"), ("--stack", "a", "--offline")],
)
def test_options_that_do_not_go_together(options: tuple[str, ...], vaultedge: Callable[..., Ran]) -> None:
    """What only a stack has is misuse without one, and the other way round."""
    assert vaultedge("doctor", *options).status == 2


def test_keys_are_tried_all_at_once(tmp_path: Path) -> None:
    """Good, refused, limited and silent keys are told apart within the time of one; none is quoted."""
    keys = {name: f"sk-CANARY-{name}" for name in ("good", "refused", "limited", "silent")}
    with FakeProvider() as provider:
        provider.script(keys["good"], Answer(body=b'{"data": []}', headers={"date": formatdate(NOW)}))
        provider.script(keys["refused"], Answer(status=401))
        provider.script(keys["limited"], Answer(status=429))
        provider.script(keys["silent"], Answer(hang=True))
        overlay = tmp_path / "providers.yaml"
        rows = "\n".join(f"  p-{name}: {{base_url: '{provider.base_url}', local: true}}" for name in keys)
        overlay.write_text(f"providers:\n{rows}\n")
        held = [Credential(f"p-{name}", key) for name, key in keys.items()]
        held.append(Credential("nobody", "sk-CANARY-stranger"))
        found = asyncio.run(provider_keys.tried(held, load(overlay), Settings(), patience=0.5))

    told = {each.check: each for each in found.findings}
    assert [name for name, each in told.items() if each.state is State.OK] == ["key p-good"]
    assert "401" in told["key p-refused"].told
    assert "429" in told["key p-limited"].told
    assert "0.5 s" in told["key p-silent"].told
    assert "no provider in the catalog" in told["key nobody"].told
    assert (found.working, found.dates) == (frozenset({"p-good"}), [formatdate(NOW)])
    assert "CANARY" not in json.dumps([each.json() for each in found.findings])


@given(off=st.integers(-10_000, 10_000))
def test_a_clock_is_compared_with_others(off: int) -> None:
    """A clock that is more than a minute away from what answers say is wrong, either way."""
    found = provider_keys.drift([formatdate(NOW)], NOW + off)

    assert (found.state is State.FAILED) is (abs(off) > 60)
    if found.state is State.FAILED:
        assert found.told == f"{abs(off)} s {'ahead of' if off > 0 else 'behind'} others'"


@given(dates=st.lists(st.text(max_size=40)))
def test_dates_that_are_none_count_for_nothing(dates: list[str]) -> None:
    """One liar does not make a clock wrong, nor does nonsense."""
    honest = [formatdate(NOW)] * (len(dates) + 1)

    assert provider_keys.drift([*dates, *honest], NOW).state is State.OK


def test_findings_cannot_write_to_the_terminal() -> None:
    """What others said stays on its line, without escapes."""
    plain = Paint(on=False)
    text = failed("url", "one\ntwo \x1b[31m", "cure\r\n").text(plain)

    assert text.splitlines() == [
        "failed  url              one two [31m",
        f"{'':<24} cure: cure",
    ]
    assert "\x1b" not in text
    assert ok("url", "fine") == Finding("url", State.OK, "fine")
