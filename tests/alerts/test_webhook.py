"""The webhook sink: which settings it takes, how it signs, and where it never goes."""

from __future__ import annotations

import asyncio
import base64
import time

import pytest

from tests.alerts.receiver import KEY, PATH, SECRET, receiving
from tests.fakes.clock import FakeClock
from vaultcore.alerts.notification import DeliveryFailed, Notification
from vaultcore.alerts.webhook import Webhook, signature, webhook
from vaultcore.compose import alert_sinks
from vaultcore.errors import ConfigError
from vaultcore.settings import Settings

NOTICE = Notification("alert-1", 1_000.0, "subject", "Größe ✓", {"id": "alert-1", "percent": 80})
URL = "https://alerts.example/" + PATH.lstrip("/")


def secret_of(size: int) -> str:
    return "whsec_" + base64.b64encode(bytes(size)).decode()


def test_the_signature_is_the_specification_s() -> None:
    """The example of the specification's own libraries comes out as it stands there."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    named, at = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330

    assert signature(named, at, b'{"test": 2432232314}', key) == {
        "webhook-id": named,
        "webhook-timestamp": str(at),
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize(
    "url",
    [
        "http://alerts.example/hook",
        "http://10.0.0.1/",
        "http://127.0.0.1.example/",
        "http://localhost.example/",
        "ftp://alerts.example/",
        "https:///hook",
        "https://alerts.example:port/",
        "https://alerts.example/a b",
        "https://alerts.example/\n",
        "https://[::1",
        "//alerts.example",
        "alerts.example/query-sentinel",
        "",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    """Only https, and http on this machine itself; the refusal names the variable and quotes nothing."""
    with pytest.raises(ConfigError, match=r"^VAULTEDGE_ALERT_WEBHOOK: ") as caught:
        webhook(url, SECRET, FakeClock())

    assert not url or url not in str(caught.value)


@pytest.mark.parametrize("url", [URL, "http://127.0.0.1:8080/", "http://localhost/", "http://[::1]:1/x"])
def test_addresses_that_are_taken(url: str) -> None:
    """https anywhere, and http to the loopback interface."""
    assert webhook(url, SECRET, FakeClock()).name == "webhook"


@pytest.mark.parametrize(
    "secret",
    [
        None,
        "",
        "sentinel",
        "whsec_",
        "whsec_sentinel!",
        secret_of(23),
        secret_of(65),
        SECRET[6:],
        SECRET + "=",
    ],
)
def test_secrets_that_are_refused(secret: str | None) -> None:
    """24 to 64 bytes in base64 behind whsec_, by the specification; the refusal says how to make one."""
    with pytest.raises(ConfigError, match=r"^VAULTEDGE_ALERT_WEBHOOK_SECRET: .*openssl rand") as caught:
        webhook(URL, secret, FakeClock())

    assert "sentinel" not in str(caught.value)


@pytest.mark.parametrize("size", [24, 64])
def test_secrets_that_are_taken(size: int) -> None:
    """The bounds are good ones."""
    assert webhook(URL, secret_of(size), FakeClock()).name == "webhook"


def test_settings_choose_the_sinks() -> None:
    """None, one or both, by what is set; neither address nor secret shows in a representation."""
    arn = "arn:aws:sns:eu-central-1:123456789012:alerts"
    read = Settings.from_env
    hook = {"VAULTEDGE_ALERT_WEBHOOK": URL, "VAULTEDGE_ALERT_WEBHOOK_SECRET": SECRET}
    both = read({"VAULTEDGE_ALERT_TOPIC": arn, **hook})
    chosen = [
        [sink.name for sink in alert_sinks(settings, FakeClock())]
        for settings in (read({}), read(hook), read({"VAULTEDGE_ALERT_TOPIC": arn}), both)
    ]

    assert chosen == [[], ["webhook"], ["sns"], ["sns", "webhook"]]
    assert "sentinel" not in repr((both, *alert_sinks(both, FakeClock())))
    assert SECRET not in repr(both)


def test_no_proxy_and_no_redirect_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notice goes to the address that was set, whatever the environment or the receiver says."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with receiving(lambda number: (200, 307)[number]) as receiver:
        sink = webhook(receiver.url, SECRET, FakeClock())
        asyncio.run(sink.send(NOTICE))
        with pytest.raises(DeliveryFailed, match=r"^HTTP 307$"):
            asyncio.run(sink.send(NOTICE))

    assert receiver.tries == 2
    assert receiver.posts[0]["data"]["text"] == NOTICE.text


def test_a_receiver_that_thinks_too_long_is_left() -> None:
    """A post ends in time, whatever the receiver does, and is not delivered then."""
    began = time.monotonic()
    with receiving() as receiver:
        receiver.gate.clear()
        with pytest.raises(DeliveryFailed, match=r"^(TimeoutError|ReadTimeout)$"):
            asyncio.run(Webhook(receiver.url, KEY, FakeClock(), timeout=0.1).send(NOTICE))

    assert time.monotonic() - began < 3
