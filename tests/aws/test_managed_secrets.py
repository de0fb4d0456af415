from __future__ import annotations

import asyncio
import json
import logging
import time
import traceback

import pytest

from tests.aws.secrets_manager import SecretsManagerServer
from vaultcore.aws.secrets import ManagedSecrets, managed_secrets
from vaultcore.errors import ConfigError, VaultUnavailable
from vaultcore.settings import Settings
from vaultcore.vault.keyring import Credential
from vaultcore.vault.sealed import seal

PASSWORD = "correct-horse-battery-staple-sentinel"
SYSTEM, ADMIN = "ve-" + "5e" * 24, "va-" + "ad" * 24
KEY = "sk-provider-key-sentinel-000001"
PEPPER = "9ec0" * 16
SENTINELS = (PASSWORD, SYSTEM, ADMIN, KEY, PEPPER)
IDS = {"vault_secret": "gw/vault", "password_secret": "gw/password"}


class FakeClock:
    def __init__(self) -> None:
        self.time = 1_700_000_000.0

    def now(self) -> float:
        return self.time

    def jitter(self) -> float:
        return 0.999

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def sealed(key: str = KEY, password: str = PASSWORD) -> str:
    return seal([Credential("openai", key)], password)


@pytest.fixture(autouse=True)
def filled(server: SecretsManagerServer) -> None:
    server.secrets |= {"gw/vault": sealed(), "gw/password": PASSWORD}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def source(server: SecretsManagerServer, clock: FakeClock) -> ManagedSecrets:
    server.secrets |= {
        "gw/system": json.dumps({"prefix": SYSTEM[:3], "key": SYSTEM[3:]}),
        "gw/admin": ADMIN,
    }
    ids = {**IDS, "system_key_secret": "gw/system", "admin_key_secret": "gw/admin"}
    return managed_secrets(Settings(**ids), clock)


def provider_keys(source: ManagedSecrets) -> list[str]:
    return [credential.key for credential in asyncio.run(source.current()).keyring]


def refusal(source: ManagedSecrets) -> VaultUnavailable:
    with pytest.raises(VaultUnavailable) as caught:
        asyncio.run(source.current())
    return caught.value


def test_one_call_reads_and_opens_everything(server: SecretsManagerServer, source: ManagedSecrets) -> None:
    """Vault, password and both keys come in one BatchGetSecretValue, sent with the first use."""
    assert server.requests == []
    secrets = asyncio.run(source.current())

    assert [credential.key for credential in secrets.keyring] == [KEY]
    assert secrets.is_system_key(SYSTEM)
    assert secrets.is_admin_key(ADMIN)
    assert not secrets.is_system_key(ADMIN)
    assert not secrets.is_system_key("")
    assert server.requests == [["gw/vault", "gw/password", "gw/system", "gw/admin"]]


def test_secrets_are_cached_for_five_minutes(
    server: SecretsManagerServer, source: ManagedSecrets, clock: FakeClock
) -> None:
    """Secrets are used for 300 seconds and then read again."""
    for wait in (0, 299, 1, 299):
        clock.time += wait
        assert provider_keys(source) == [KEY]

    assert len(server.requests) == 2


def test_arns_are_matched_with_and_without_their_suffix(
    server: SecretsManagerServer, clock: FakeClock
) -> None:
    """Secrets named by ARN, with or without the six random characters, match the response."""
    source = managed_secrets(
        Settings(vault_secret=server.arn("gw/vault"), password_secret=server.arn("gw/password")[:-7]), clock
    )

    assert provider_keys(source) == [KEY]


def test_a_function_reads_only_the_secrets_named_to_it(
    server: SecretsManagerServer, clock: FakeClock
) -> None:
    """Without an ID a key comes from the settings, or requests with it are rejected."""
    source = managed_secrets(Settings(**IDS, system_key=SYSTEM), clock)
    secrets = asyncio.run(source.current())

    assert server.requests == [["gw/vault", "gw/password"]]
    assert secrets.is_system_key(SYSTEM)
    assert secrets.admin is None


def test_both_ids_are_needed(clock: FakeClock) -> None:
    """A vault without its password's ID is rejected when the gateway is composed."""
    with pytest.raises(ConfigError, match="VAULTEDGE_PASSWORD_SECRET"):
        managed_secrets(Settings(vault_secret="gw/vault"), clock)


def test_the_pepper_comes_with_the_others(server: SecretsManagerServer, clock: FakeClock) -> None:
    """The pepper is read in the same call, as bytes, and no repr shows it."""
    server.secrets["gw/pepper"] = PEPPER
    source = managed_secrets(Settings(**IDS, pepper_secret="gw/pepper"), clock)
    for _ in range(2):
        secrets = asyncio.run(source.current())
        assert secrets.pepper == PEPPER.encode()
        clock.time += 300

    assert server.requests == [["gw/vault", "gw/password", "gw/pepper"]] * 2
    assert PEPPER not in repr(secrets)


@pytest.mark.parametrize("stored", [None, "", "empty", "{}", b"\0\1", PEPPER[:31]])
def test_without_a_good_pepper_nothing_is_served(
    stored: str | bytes | None,
    server: SecretsManagerServer,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A lost, empty or damaged pepper makes the gateway unavailable; the log names secret and cure."""
    if stored is not None:
        server.secrets["gw/pepper"] = stored

    assert "missing" in str(refusal(managed_secrets(Settings(**IDS, pepper_secret="gw/pepper"), clock)))
    (reason,) = [vars(each)["fields"]["reason"] for each in caplog.records]
    assert "secret gw/pepper" in reason
    assert "restore the pepper's value" in reason
    assert PEPPER[:31] not in reason


def test_upkeep_reads_the_pepper_alone(server: SecretsManagerServer, clock: FakeClock) -> None:
    """A function that calls no provider reads no vault; without an ID the setting counts."""
    secrets = asyncio.run(managed_secrets(Settings(**IDS, pepper=PEPPER), clock).current())
    server.secrets["gw/pepper"] = PEPPER
    alone = asyncio.run(managed_secrets(Settings(pepper_secret="gw/pepper"), clock).current())

    assert secrets.pepper == alone.pepper == PEPPER.encode()
    assert (len(list(alone.keyring)), alone.system, alone.admin) == (0, None, None)
    assert server.requests[-1] == ["gw/pepper"]


def test_down_at_the_cold_start_then_up(
    server: SecretsManagerServer, source: ManagedSecrets, clock: FakeClock
) -> None:
    """While nothing can be read, requests get a 503 and reads pause; then it recovers."""
    server.outage = (500, "InternalServiceError")
    first = refusal(source)
    calls = len(server.requests)
    again = [refusal(source) for _ in range(20)]

    assert first.status == 503
    assert first.retry_after is not None
    assert {error.retry_after for error in again} == {1.0}
    assert len(server.requests) == calls
    clock.time += 1
    refusal(source)
    assert (waiting := refusal(source).retry_after) is not None
    assert waiting > 1.5  # the second pause is longer
    server.outage = None
    clock.time += 2
    assert provider_keys(source) == [KEY]


def test_unreachable_at_the_cold_start(
    server: SecretsManagerServer, source: ManagedSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused connection is a 503."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    assert str(refusal(source)) == "the vault cannot be reached now"


def test_denied(
    server: SecretsManagerServer, source: ManagedSecrets, caplog: pytest.LogCaptureFixture
) -> None:
    """AWS's error code for a denied read goes to the log, once, and not to clients."""
    server.outage = (400, "AccessDeniedException")
    error = refusal(source)

    assert "AccessDenied" not in str(error)
    assert "AccessDeniedException" in " ".join(str(record.__dict__) for record in caplog.records)
    assert len(caplog.records) == 1


@pytest.mark.parametrize("name", ["gw/vault", "gw/password", "gw/system", "gw/admin"])
def test_each_secret_is_needed(
    name: str, server: SecretsManagerServer, source: ManagedSecrets, caplog: pytest.LogCaptureFixture
) -> None:
    """A missing secret is a 503 that does not name it; the log does."""
    del server.secrets[name]
    error = refusal(source)

    assert name not in str(error)
    assert name in str(caplog.records[0].__dict__)


@pytest.mark.parametrize(
    "value", [b"\0\1\2", "{}", '{"a":"x","b":"y"}', "short", ""], ids=["binary", "{}", "two", "short", "none"]
)
def test_invalid_keys_are_rejected(
    value: str | bytes, server: SecretsManagerServer, source: ManagedSecrets
) -> None:
    """A system key that is missing, ambiguous or too short is rejected."""
    server.secrets["gw/system"] = value

    assert "missing or not usable" in str(refusal(source))


@pytest.mark.parametrize("text", ['{"password":"%s"}', '{"password":"%s","note":"n"}', "%s\n", ' {"p":"%s"}'])
def test_password_spellings(text: str, server: SecretsManagerServer, source: ManagedSecrets) -> None:
    """A secret may be plain text, or JSON with one obvious field."""
    server.secrets["gw/password"] = text % PASSWORD

    assert provider_keys(source) == [KEY]


@pytest.mark.parametrize("name", ["gw/vault", "gw/password"])
def test_an_empty_vault_says_what_to_do(
    name: str, server: SecretsManagerServer, source: ManagedSecrets
) -> None:
    """While a secret has the template's placeholder, every response says what to do."""
    server.secrets[name] = "empty"

    assert "vaultedge vault push" in str(refusal(source))


def test_rotation(server: SecretsManagerServer, source: ManagedSecrets, clock: FakeClock) -> None:
    """A new vault, password and system key are used after the next read; the old key is rejected."""
    assert provider_keys(source) == [KEY]
    server.secrets |= {
        "gw/vault": sealed("sk-new", "another"),
        "gw/password": "another",
        "gw/system": "ve-" + "0" * 48,
    }
    assert provider_keys(source) == [KEY]
    clock.time += 300
    secrets = asyncio.run(source.current())

    assert [credential.key for credential in secrets.keyring] == ["sk-new"]
    assert secrets.is_system_key("ve-" + "0" * 48)
    assert not secrets.is_system_key(SYSTEM)


def test_half_a_rotation_keeps_the_old_pair(
    server: SecretsManagerServer, source: ManagedSecrets, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A vault whose password does not match yet is not used and logged once; it is used when it matches."""
    assert provider_keys(source) == [KEY]
    server.secrets |= {"gw/vault": sealed("sk-new", "another"), "gw/system": "ve-" + "0" * 48}
    for _ in range(5):
        clock.time += 300
        assert provider_keys(source) == [KEY]

    assert len(caplog.records) == 1
    assert asyncio.run(source.current()).is_system_key("ve-" + "0" * 48)  # what can be taken is
    server.secrets["gw/password"] = "another"
    clock.time += 60
    assert provider_keys(source) == ["sk-new"]


def test_rejected_keys_cause_one_read(
    server: SecretsManagerServer, source: ManagedSecrets, clock: FakeClock
) -> None:
    """A provider's 401 causes a read before the next use; a hundred of them in 5 seconds cause one."""
    assert provider_keys(source) == [KEY]
    clock.time += 30
    server.secrets["gw/vault"] = sealed("sk-new")
    source.refresh_soon()
    assert provider_keys(source) == ["sk-new"]
    for _ in range(100):
        source.refresh_soon()
        assert provider_keys(source) == ["sk-new"]
    assert len(server.requests) == 2
    clock.time += 5
    assert provider_keys(source) == ["sk-new"]

    assert len(server.requests) == 3


def test_secrets_are_cached_for_a_day_in_an_outage(
    server: SecretsManagerServer, source: ManagedSecrets, clock: FakeClock
) -> None:
    """While Secrets Manager is down, secrets are used for 24 hours; then it recovers."""
    assert provider_keys(source) == [KEY]
    server.outage = (503, "ServiceUnavailable")
    for _ in range(24):
        clock.time += 3_600
        assert provider_keys(source) == [KEY]
    clock.time += 1
    refusal(source)
    server.outage = None
    clock.time += 60

    assert provider_keys(source) == [KEY]


def test_concurrent_requests_share_a_read(server: SecretsManagerServer, source: ManagedSecrets) -> None:
    """Fifty requests at a cold start cause one call."""

    async def storm() -> None:
        secrets = await asyncio.gather(*(source.current() for _ in range(50)))
        assert len({id(each) for each in secrets}) == 1

    asyncio.run(storm())
    assert len(server.requests) == 1


@pytest.mark.parametrize("reason", ["five minutes have passed", "a provider rejected a key"])
def test_a_hang_costs_no_request_more_than_a_quarter_second(
    reason: str, server: SecretsManagerServer, source: ManagedSecrets, clock: FakeClock
) -> None:
    """While AWS does not answer, requests use the cached secrets; the first waits 0.25 seconds at most.

    There is one call meanwhile. The secrets of its late answer are used from then on.
    """

    async def scenario() -> list[float]:
        await source.current()
        clock.time += 300 if reason.startswith("five") else 10
        source.refresh_soon()
        server.secrets["gw/system"] = "ve-" + "0" * 48
        server.gate.clear()
        times = []
        for _ in range(20):
            began = time.perf_counter()
            assert (await source.current()).is_system_key(SYSTEM)
            times.append(time.perf_counter() - began)
        assert len(server.requests) == 2
        server.gate.set()
        assert source._reading is not None
        await source._reading
        assert (await source.current()).is_system_key("ve-" + "0" * 48)
        return times

    times = asyncio.run(scenario())
    assert len(server.requests) == 2
    assert max(times) < 0.25
    assert sum(times[1:]) < 0.1


def test_a_cancelled_request_does_not_end_the_read(
    server: SecretsManagerServer, source: ManagedSecrets, clock: FakeClock
) -> None:
    """If the client of the request that started a read disconnects, the read goes on."""

    async def scenario() -> None:
        await source.current()
        clock.time += 300
        server.secrets["gw/system"] = "ve-" + "0" * 48
        server.gate.clear()
        request = asyncio.create_task(source.current())
        await asyncio.to_thread(server.wait_for_requests, 2)
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        server.gate.set()
        assert source._reading is not None
        await source._reading
        assert (await source.current()).is_system_key("ve-" + "0" * 48)

    asyncio.run(scenario())
    assert len(server.requests) == 2


def test_nothing_shows_a_secret(
    server: SecretsManagerServer, source: ManagedSecrets, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """No secret is in a DEBUG log, a repr, or a traceback with variables."""
    with caplog.at_level(logging.DEBUG):
        output = [repr(asyncio.run(source.current())), repr(source)]
        server.secrets["gw/vault"] = sealed("sk-new", "another")
        cold = managed_secrets(Settings(**IDS, system_key=SYSTEM), clock)
        error = refusal(cold)
        output += traceback.TracebackException.from_exception(error, capture_locals=True).format()
        server.secrets["gw/vault"] = json.dumps({"a": KEY, "b": PASSWORD})
        error = refusal(managed_secrets(Settings(**IDS, system_key=SYSTEM), clock))
        output += traceback.TracebackException.from_exception(error, capture_locals=True).format()
    text = " ".join([*output, caplog.text, *(str(record.__dict__) for record in caplog.records)])

    assert "cannot be opened" in text
    assert not [sentinel for sentinel in SENTINELS if sentinel in text]
