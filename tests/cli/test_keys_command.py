"""`vaultedge keys`: the same answers over a gateway's admin API and over the store itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.conftest import Ran, Vaultedge
from tests.fakes.provider import FakeProvider
from tests.fakes.served import Served, served
from vaultcore.limits.virtual_key import well_formed
from vaultcore.vault.local import LocalVault

Keys = Callable[..., Ran]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("gateway")
    LocalVault(home / ".vaultedge").init()
    with served(home) as running:
        yield running


@pytest.fixture
def distant(gateway: Served, vaultedge: Vaultedge) -> Keys:
    """Asks the gateway that runs."""

    def run(action: str, *argv: str) -> Ran:
        environ = {"VAULTEDGE_ADMIN_KEY": gateway.said["admin key"]}
        return vaultedge("keys", action, "--url", gateway.url, *argv, environ=environ)

    return run


@pytest.fixture
def beside(gateway: Served, vaultedge: Vaultedge) -> Keys:
    """Works on the store of the gateway that runs."""
    kept = str(gateway.errors.parent / ".vaultedge")

    def run(action: str, *argv: str) -> Ran:
        return vaultedge("keys", action, *argv, environ={"VAULTEDGE_HOME": kept})

    return run


@pytest.fixture
def local(vaultedge: Vaultedge, home: Path) -> Keys:
    """Works on a store that no gateway has opened yet."""

    def run(action: str, *argv: str) -> Ran:
        return vaultedge("keys", action, *argv)

    return run


@pytest.fixture(params=["distant", "local"])
def keys(request: pytest.FixtureRequest) -> Keys:
    ways: Keys = request.getfixturevalue(request.param)
    return ways


def told(ran: Ran) -> Any:
    assert ran.status == 0, ran.err
    return json.loads(ran.out)


def models(gateway: Served, token: str) -> int:
    """What a holder of a key is answered."""
    headers = {"authorization": f"Bearer {token}"}
    return httpx.get(f"{gateway.url}/v1/models", headers=headers, trust_env=False).status_code


def test_a_key_is_shown_once(keys: Keys) -> None:
    """`create` prints the key alone on stdout, and nothing shows it again."""
    ran = keys("create", "--name", "shown once")
    token = ran.out.removesuffix("\n")
    name = re.findall(r"key_[0-9a-f]+", ran.err)[0]

    assert well_formed(token)
    assert token not in ran.err
    for again in (keys("show", name), keys("list"), keys("show", name, "--json"), keys("list", "--json")):
        assert (again.status, token in again.out + again.err) == (0, False)
        assert f"vg_…{token[-4:]}" in again.out


def test_every_field_gets_there(keys: Keys) -> None:
    """What options say is what the key has; `none` takes it away again, and no other option does."""
    made = told(
        keys(
            *("create", "--json", "--name", "all of them", "--rpm", "7", "--tpm", "800", "--parallel", "3"),
            *("--tokens", "9000", "--credits", "12.500000001", "--budget-day", "1.5", "--budget-month", "20"),
            *("--model", "gpt-4o", "--model", "openai/*", "--ip", "10.0.0.0/8", "--expires", "30d"),
            *("--owner", "acme", "--metadata", "team=search", "--metadata", "note=a=b"),
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
    assert {name: made[name] for name in limits} == limits
    assert made["expires_at"] is not None

    renamed = told(keys("update", made["id"], "--json", "--name", "renamed"))
    assert {name: renamed[name] for name in limits} == limits
    assert renamed["name"] == "renamed"
    nones = [word for option in (*options, "metadata", "expires") for word in (f"--{option}", "none")]
    bare = told(keys("update", made["id"], "--json", *nones))
    assert {bare[name] for name in limits if name != "metadata"} == {None}
    assert (bare["metadata"], bare["expires_at"]) == ({}, None)


def test_a_new_key_has_a_rate(keys: Keys) -> None:
    """Unless `--rpm none` says otherwise, a key may ask 60 times a minute."""
    assert told(keys("create", "--json", "--name", "x"))["rate_limit_rpm"] == 60
    assert told(keys("create", "--json", "--name", "x", "--rpm", "none"))["rate_limit_rpm"] is None


def test_a_keys_life(keys: Keys) -> None:
    """Credits add up, rotation gives another key to the same id, revocation ends it and is told as such."""
    made = told(keys("create", "--json", "--name", "life", "--credits", "1"))
    name = made["id"]
    assert told(keys("credit", name, "0.5", "--reason", "a gift", "--json"))["balance_usd"] == 1.5
    rotated = keys("rotate", name, "--grace", "1h")
    assert well_formed(rotated.out.strip())
    assert rotated.out.strip() != made["key"]
    revoked = keys("revoke", name)
    assert (revoked.status, revoked.out.startswith(f"revoked {name} ")) == (0, True)
    assert told(keys("show", name, "--json"))["state"] == "revoked"
    assert name in keys("list", "--state", "revoked").out
    assert name not in keys("list", "--state", "active").out
    again = keys("rotate", name)
    assert (again.status, again.out, "hint:" in again.err) == (1, "", True)


def test_both_ways_lead_to_the_same_keys(gateway: Served, distant: Keys, beside: Keys) -> None:
    """What is done on the store of a gateway that runs is in force there, and both ways tell the same."""
    made = told(beside("create", "--json", "--name", "made beside it", "--owner", "both"))
    assert models(gateway, made["key"]) == 200
    for action in (("show", made["id"]), ("show", made["id"], "--json"), ("list", "--owner", "both")):
        assert distant(*action) == beside(*action)
    new = distant("rotate", made["id"]).out.strip()
    assert [models(gateway, made["key"]), models(gateway, new)] == [401, 200]
    assert models(gateway, gateway.said["admin key"]) == 401


def test_a_list_is_whole_and_aligned(local: Keys) -> None:
    """However many keys there are, each is listed once, in columns under their names."""
    local("create", "--name", "x" * 40)
    for number in range(4):
        local("create", "--name", f"key {number}", "--owner", "acme")
    lines = local("list").out.splitlines()

    assert len(lines) == 6
    assert len({line.index("active") for line in lines[1:]}) == 1
    assert lines[0].index("STATE") == lines[1].index("active")
    assert len(told(local("list", "--owner", "acme", "--json"))) == 4


def test_a_list_goes_over_pages(gateway: Served, distant: Keys) -> None:
    """More keys than the API tells at a time are all listed."""
    headers = {"authorization": f"Bearer {gateway.said['admin key']}"}
    with httpx.Client(base_url=gateway.url, headers=headers, trust_env=False) as client:
        for number in range(103):
            client.post("/admin/keys", json={"name": f"{number}", "owner": "many"}).raise_for_status()

    listed = told(distant("list", "--owner", "many", "--json"))
    assert sorted(int(key["name"]) for key in listed) == list(range(103))


@pytest.mark.parametrize(
    "argv",
    [
        ("create",),
        ("create", "--name", "x", "--rpm", "many"),
        ("create", "--name", "x", "--expires", "soon"),
        ("create", "--name", "x", "--metadata", "CANARY"),
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
def test_misuse_is_status_2(argv: tuple[str, ...], local: Keys) -> None:
    """A command line that makes no sense is refused before anything is changed, without repeating it."""
    ran = local(*argv)

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("vaultedge: ")
    assert "CANARY" not in ran.err


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
def test_a_refusal_says_why_and_what_to_do(argv: tuple[str, ...], keys: Keys) -> None:
    """What the gateway refuses is one line and one hint, status 1, in the same words both ways."""
    ran = keys(*argv)

    assert (ran.status, ran.out) == (1, "")
    lines = [line for line in ran.err.splitlines() if " made this gateway's " not in line]
    assert [line.startswith("vaultedge: hint: ") for line in lines] == [False, True]


def test_only_the_admin_key_opens(gateway: Served, vaultedge: Vaultedge, tmp_path: Path) -> None:
    """A wrong key is refused with a hint; the right one may come from a file, or from stdin."""
    ask = ("keys", "list", "--url", gateway.url + "/v1/")
    wrong = vaultedge(*ask, environ={"VAULTEDGE_ADMIN_KEY": gateway.key.replace("ve-", "va-")})
    file = tmp_path / "admin.key"
    file.write_text(gateway.said["admin key"] + "\n")

    assert (wrong.status, "hint: the admin key is in" in wrong.err) == (1, True)
    assert vaultedge(*ask, "--admin-key-file", str(file)).status == 0
    assert vaultedge(*ask, stdin=file.read_text()).status == 0
    assert vaultedge(*ask, stdin="\n").status == 2


def test_what_is_no_gateway_is_said(vaultedge: Vaultedge, gateway: Served) -> None:
    """An address where nobody, or somebody else, answers is one line and a hint."""
    environ = {"VAULTEDGE_ADMIN_KEY": gateway.said["admin key"]}
    with FakeProvider() as other:
        for url in ("http://127.0.0.1:9", f"{gateway.url}/console", other.base_url):
            for argv in (("list",), ("create", "--name", "x")):
                ran = vaultedge("keys", *argv, "--url", url, environ=environ)
                assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 2)
                assert "hint: --url" in ran.err
                assert gateway.said["admin key"] not in ran.err


def test_the_first_key_makes_a_gateway(local: Keys, home: Path, vaultedge: Vaultedge) -> None:
    """Before any `serve`, `create` makes this machine's keys, says where they are, and shows none of them."""
    ran = local("create", "--name", "first")
    kept = [(home / name).read_text().strip() for name in ("system.key", "admin.key", "pepper.key")]

    assert str(home) in ran.err
    assert not any(key in ran.out + ran.err for key in kept)
    assert "made" not in local("list").err
    assert vaultedge("ledger", "key").status == 0
