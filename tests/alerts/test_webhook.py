"""The webhook sink: valid settings, signatures, and the URLs it calls."""

from __future__ import annotations

import asyncio
import base64
import time

import pytest

from tests.alerts.webhook_receiver import KEY, PATH, SECRET, run_receiver
from tests.fakes.clock import FakeClock
from vaultcore.alerts.notification import DeliveryFailed, Notification
from vaultcore.alerts.webhook import Webhook, signature, webhook
from vaultcore.compose import alert_sinks
from vaultcore.errors import ConfigError
from vaultcore.settings import Settings

NOTIFICATION = Notification("alert-1", 1_000.0, "subject", "Größe ✓", {"id": "alert-1", "percent": 80})
URL = "https://alerts.example/" + PATH.lstrip("/")


def secret_of(size: int) -> str:
    return "whsec_" + base64.b64encode(bytes(size)).decode()


def test_the_signature_matches_the_specifications_example() -> None:
    """The example of the specification's libraries has the same signature."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    message_id, at = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330

    assert signature(message_id, at, b'{"test": 2432232314}', key) == {
        "webhook-id": message_id,
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
def test_invalid_urls_are_rejected(url: str) -> None:
    """Only https is allowed, and http on loopback; the error names the setting and does not quote it."""
    with pytest.raises(ConfigError, match=r"^VAULTEDGE_ALERT_WEBHOOK: ") as caught:
        webhook(url, SECRET, FakeClock())

    assert not url or url not in str(caught.value)


@pytest.mark.parametrize("url", [URL, "http://127.0.0.1:8080/", "http://localhost/", "http://[::1]:1/x"])
def test_valid_urls_are_accepted(url: str) -> None:
    """https is allowed anywhere, http on the loopback interface."""
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
def test_invalid_secrets_are_rejected(secret: str | None) -> None:
    """A secret is `whsec_` and 24 to 64 bytes in base64; the error says how to create one."""
    with pytest.raises(ConfigError, match=r"^VAULTEDGE_ALERT_WEBHOOK_SECRET: .*openssl rand") as caught:
        webhook(URL, secret, FakeClock())

    assert "sentinel" not in str(caught.value)


@pytest.mark.parametrize("size", [24, 64])
def test_valid_secrets_are_accepted(size: int) -> None:
    """Both lengths at the bounds are accepted."""
    assert webhook(URL, secret_of(size), FakeClock()).name == "webhook"


def test_settings_choose_the_sinks() -> None:
    """The settings decide between no sink, one or both; no repr contains the URL or the secret."""
    arn = "arn:aws:sns:eu-central-1:123456789012:alerts"
    load = Settings.from_env
    webhook_settings = {"VAULTEDGE_ALERT_WEBHOOK": URL, "VAULTEDGE_ALERT_WEBHOOK_SECRET": SECRET}
    both_sinks = load({"VAULTEDGE_ALERT_TOPIC": arn, **webhook_settings})
    names = [
        [sink.name for sink in alert_sinks(settings, FakeClock())]
        for settings in (load({}), load(webhook_settings), load({"VAULTEDGE_ALERT_TOPIC": arn}), both_sinks)
    ]

    assert names == [[], ["webhook"], ["sns"], ["sns", "webhook"]]
    assert "sentinel" not in repr((both_sinks, *alert_sinks(both_sinks, FakeClock())))
    assert SECRET not in repr(both_sinks)


def test_no_proxy_and_no_redirect_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A post goes to the configured URL, whatever the environment or a redirect says."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with run_receiver(lambda number: (200, 307)[number]) as receiver:
        sink = webhook(receiver.url, SECRET, FakeClock())
        asyncio.run(sink.send(NOTIFICATION))
        with pytest.raises(DeliveryFailed, match=r"^HTTP 307$"):
            asyncio.run(sink.send(NOTIFICATION))

    assert receiver.tries == 2
    assert receiver.posts[0]["data"]["text"] == NOTIFICATION.text


def test_a_slow_receiver_fails_the_delivery() -> None:
    """A post ends at its timeout, and the alert is not delivered."""
    start = time.monotonic()
    with run_receiver() as receiver:
        receiver.may_answer.clear()
        with pytest.raises(DeliveryFailed, match=r"^(TimeoutError|ReadTimeout)$"):
            asyncio.run(Webhook(receiver.url, KEY, FakeClock(), timeout=0.1).send(NOTIFICATION))

    assert time.monotonic() - start < 3
