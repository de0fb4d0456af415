"""`vaultedge keys`: the same results over a gateway's admin API and on the store itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.conftest import CommandResult, Vaultedge
from tests.fakes.provider import FakeProvider
from tests.fakes.served import GatewayProcess, run_serve
from vaultcore.limits.virtual_key import is_well_formed
from vaultcore.vault.local import LocalVault

Keys = Callable[..., CommandResult]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    home = tmp_path_factory.mktemp("gateway")
    LocalVault(home / ".vaultedge").init()
    with run_serve(home) as running:
        yield running


@pytest.fixture
def remote(gateway: GatewayProcess, vaultedge: Vaultedge) -> Keys:
    """Run commands against the running gateway."""

    def run(action: str, *argv: str) -> CommandResult:
        environ = {"VAULTEDGE_ADMIN_KEY": gateway.printed["admin key"]}
        return vaultedge("keys", action, "--url", gateway.url, *argv, environ=environ)

    return run


@pytest.fixture
def on_its_store(gateway: GatewayProcess, vaultedge: Vaultedge) -> Keys:
    """Run commands on the store of the running gateway."""
    stored = str(gateway.errors.parent / ".vaultedge")

    def run(action: str, *argv: str) -> CommandResult:
        return vaultedge("keys", action, *argv, environ={"VAULTEDGE_HOME": stored})

    return run


@pytest.fixture
def local(vaultedge: Vaultedge, home: Path) -> Keys:
    """Run commands on a store that no gateway has opened."""

    def run(action: str, *argv: str) -> CommandResult:
        return vaultedge("keys", action, *argv)

    return run


@pytest.fixture(params=["remote", "local"])
def keys(request: pytest.FixtureRequest) -> Keys:
    runner: Keys = request.getfixturevalue(request.param)
    return runner


def parse_json(result: CommandResult) -> Any:
    assert result.status == 0, result.err
    return json.loads(result.out)


def models_status(gateway: GatewayProcess, token: str) -> int:
    """Return the status of GET /v1/models with a key."""
    headers = {"authorization": f"Bearer {token}"}
    return httpx.get(f"{gateway.url}/v1/models", headers=headers, trust_env=False).status_code


def test_a_key_is_shown_once(keys: Keys) -> None:
    """`create` prints only the key on stdout; no other command prints it."""
    result = keys("create", "--name", "shown once")
    token = result.out.removesuffix("\n")
    name = re.findall(r"key_[0-9a-f]+", result.err)[0]

    assert is_well_formed(token)
    assert token not in result.err
    for again in (keys("show", name), keys("list"), keys("show", name, "--json"), keys("list", "--json")):
        assert (again.status, token in again.out + again.err) == (0, False)
        assert f"vg_…{token[-4:]}" in again.out


def test_every_field_is_stored(keys: Keys) -> None:
    """Options set the fields of a key; `none` clears a field and leaves the others."""
    created = parse_json(
        keys(
            *("create", "--json", "--name", "all of them", "--rpm", "7", "--tpm", "800", "--parallel", "3"),
            *("--tokens", "9000", "--credits", "12.500000001", "--budget-day", "1.5", "--budget-month", "20"),
            *("--model", "gpt-4o", "--model", "openai/*", "--ip", "10.0.0.0/8", "--expires", "30d"),
            *("--owner", "acme", "--metadata", "team=search", "--metadata", "note=a=b"),
            *("--unbounded-inputs", "deny"),
        )
    )
    limits = {
        "rate_limit_rpm": 7,
        "rate_limit_tpm": 800,
        "max_parallel": 3,
        "token_quota": 9_000,
        "credits_usd": 12.500000001,
        "budget_day_usd": 1.5,
        "budget_month_usd": 20.0,
        "allowed_models": ["gpt-4o", "openai/*"],
        "allowed_ips": ["10.0.0.0/8"],
        "owner": "acme",
        "metadata": {"team": "search", "note": "a=b"},
    }
    options = [
        "rpm",
        "tpm",
        "parallel",
        "tokens",
        "credits",
        "budget-day",
        "budget-month",
        "model",
        "ip",
        "owner",
    ]
    assert {name: created[name] for name in limits} == limits
    assert (created["expires_at"] is not None, created["unbounded_inputs"]) == (True, "deny")

    renamed = parse_json(keys("update", created["id"], "--json", "--name", "renamed"))
    assert {name: renamed[name] for name in limits} == limits
    assert renamed["name"] == "renamed"
    others = ("metadata", "expires", "unbounded-inputs")
    nones = [word for option in (*options, *others) for word in (f"--{option}", "none")]
    bare = parse_json(keys("update", created["id"], "--json", *nones))
    assert {bare[name] for name in limits if name != "metadata"} == {None}
    assert (bare["metadata"], bare["expires_at"], bare["unbounded_inputs"]) == ({}, None, "reserve_max")


def test_a_new_key_has_a_rate_limit(keys: Keys) -> None:
    """Without `--rpm`, a key has 60 requests per minute."""
    assert parse_json(keys("create", "--json", "--name", "x"))["rate_limit_rpm"] == 60
    assert parse_json(keys("create", "--json", "--name", "x", "--rpm", "none"))["rate_limit_rpm"] is None


def test_credit_rotate_and_revoke(keys: Keys) -> None:
    """Credits add up, rotation gives a new key with the same id, and revocation ends it."""
    created = parse_json(keys("create", "--json", "--name", "life", "--credits", "1"))
    name = created["id"]
    assert parse_json(keys("credit", name, "0.5", "--reason", "gift", "--json"))["balance_usd"] == 1.5
    rotated = keys("rotate", name, "--grace", "1h")
    assert is_well_formed(rotated.out.strip())
    assert rotated.out.strip() != created["key"]
    revoked = keys("revoke", name)
    assert (revoked.status, revoked.out.startswith(f"revoked {name} ")) == (0, True)
    assert parse_json(keys("show", name, "--json"))["state"] == "revoked"
    assert name in keys("list", "--state", "revoked").out
    assert name not in keys("list", "--state", "active").out
    again = keys("rotate", name)
    assert (again.status, again.out, "hint:" in again.err) == (1, "", True)


def test_gateway_and_store_give_the_same_results(
    gateway: GatewayProcess, remote: Keys, on_its_store: Keys
) -> None:
    """A change in the store takes effect in the running gateway, and both show the same."""
    created = parse_json(
        on_its_store("create", "--json", "--name", "created in the store", "--owner", "both")
    )
    assert models_status(gateway, created["key"]) == 200
    for action in (("show", created["id"]), ("show", created["id"], "--json"), ("list", "--owner", "both")):
        assert remote(*action) == on_its_store(*action)
    new = remote("rotate", created["id"]).out.strip()
    assert [models_status(gateway, created["key"]), models_status(gateway, new)] == [401, 200]
    assert models_status(gateway, gateway.printed["admin key"]) == 401


def test_the_list_is_complete_and_aligned(local: Keys) -> None:
    """Every key is listed once, in aligned columns with headings."""
    local("create", "--name", "x" * 40)
    for number in range(4):
        local("create", "--name", f"key {number}", "--owner", "acme")
    lines = local("list").out.splitlines()

    assert len(lines) == 6
    assert len({line.index("active") for line in lines[1:]}) == 1
    assert lines[0].index("STATE") == lines[1].index("active")
    assert len(parse_json(local("list", "--owner", "acme", "--json"))) == 4


def test_the_list_follows_pages(gateway: GatewayProcess, remote: Keys) -> None:
    """Keys from all pages of the API are listed."""
    headers = {"authorization": f"Bearer {gateway.printed['admin key']}"}
    with httpx.Client(base_url=gateway.url, headers=headers, trust_env=False) as client:
        for number in range(103):
            client.post("/admin/keys", json={"name": f"{number}", "owner": "many"}).raise_for_status()

    listed = parse_json(remote("list", "--owner", "many", "--json"))
    assert sorted(int(key["name"]) for key in listed) == list(range(103))


@pytest.mark.parametrize(
    "argv",
    [
        ("create",),
        ("create", "--name", "x", "--rpm", "many"),
        ("create", "--name", "x", "--expires", "soon"),
        ("create", "--name", "x", "--metadata", "CANARY"),
        ("create", "--name", "x", "--unbounded-inputs", "CANARY"),
        ("create", "--name", "x", "--store", "memory:"),
        ("create", "--name", "x", "--admin-key-file", "f"),
        ("create", "--name", "x", "--url", "ftp://CANARY"),
        ("create", "--name", "x", "--url", "http://CANARY:secret@host"),
        ("create", "--name", "x", "--url", "http://h", "--store", "sqlite:x"),
        ("show", "vg_CANARY"),
        ("show", "../keys"),
        ("update", "key_00"),
        ("rotate", "key_00", "--grace", "long"),
        ("frobnicate",),
    ],
)
def test_usage_errors_exit_with_2(argv: tuple[str, ...], local: Keys) -> None:
    """An invalid command line is rejected before any change, without repeating its values."""
    result = local(*argv)

    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("vaultedge: ")
    assert "CANARY" not in result.err


@pytest.mark.parametrize(
    "argv",
    [
        ("create", "--name", "x", "--credits", "a lot"),
        ("create", "--name", "x", "--credits", "-5"),
        ("create", "--name", "x", "--model", "*"),
        ("create", "--name", "x", "--ip", "home"),
        ("create", "--name", "x", "--expires", "2001-01-01"),
        ("create", "--name", ""),
        ("show", "key_0000"),
        ("revoke", "key_0000"),
        ("credit", "key_0000", "5"),
    ],
)
def test_a_rejected_request_has_a_message_and_a_hint(argv: tuple[str, ...], keys: Keys) -> None:
    """A rejected request gives one line and one hint and exits with 1, remotely and locally."""
    result = keys(*argv)

    assert (result.status, result.out) == (1, "")
    lines = [line for line in result.err.splitlines() if " created this gateway's " not in line]
    assert [line.startswith("vaultedge: hint: ") for line in lines] == [False, True]


def test_the_admin_key_is_required(gateway: GatewayProcess, vaultedge: Vaultedge, tmp_path: Path) -> None:
    """A wrong key fails with a hint; the right one may come from the environment, a file or stdin."""
    arguments = ("keys", "list", "--url", gateway.url + "/v1/")
    wrong = vaultedge(*arguments, environ={"VAULTEDGE_ADMIN_KEY": gateway.key.replace("ve-", "va-")})
    file = tmp_path / "admin.key"
    file.write_text(gateway.printed["admin key"] + "\n")

    assert (wrong.status, "hint: use the admin key" in wrong.err) == (1, True)
    assert vaultedge(*arguments, "--admin-key-file", str(file)).status == 0
    assert vaultedge(*arguments, stdin=file.read_text()).status == 0
    assert vaultedge(*arguments, stdin="\n").status == 2


def test_another_server_is_reported(vaultedge: Vaultedge, gateway: GatewayProcess) -> None:
    """An address without a VaultEdge gateway gives one line and a hint, and the key is not printed."""
    environ = {"VAULTEDGE_ADMIN_KEY": gateway.printed["admin key"]}
    with FakeProvider() as other:
        for url in ("http://127.0.0.1:9", f"{gateway.url}/console", other.base_url):
            for argv in (("list",), ("create", "--name", "x")):
                result = vaultedge("keys", *argv, "--url", url, environ=environ)
                assert (result.status, result.out, result.err.count("\n")) == (1, "", 2)
                assert "hint: set --url" in result.err
                assert gateway.printed["admin key"] not in result.err


def test_the_first_command_creates_the_deployment_keys(local: Keys, home: Path, vaultedge: Vaultedge) -> None:
    """Before any `serve`, `create` creates this machine's keys, prints their path and none of them."""
    result = local("create", "--name", "first")
    stored = [(home / name).read_text().strip() for name in ("system.key", "admin.key", "pepper.key")]

    assert str(home) in result.err
    assert not any(key in result.out + result.err for key in stored)
    assert "created" not in local("list").err
    assert vaultedge("ledger", "key").status == 0
