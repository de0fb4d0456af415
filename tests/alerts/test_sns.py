"""Alerts over SNS: messages to the subscribers of a topic, and delivery failures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.admission.limiter_setup import build_limiter, key, settle_usage, stored_alerts
from tests.fakes.clock import FakeClock
from tests.store.ministack import emulator, session
from vaultcore.admission.caller import Caller
from vaultcore.alerts.notification import DeliveryFailed, Notification
from vaultcore.alerts.outbox import AlertOutbox
from vaultcore.alerts.sns import MAX_SUBJECT, SnsTopic, sns_topic
from vaultcore.aws.sns import SnsClient
from vaultcore.errors import ConfigError
from vaultcore.limits.limits import Limits
from vaultcore.store.memory import MemoryStore
from vaultcore.telemetry import Log

REGION = "eu-central-1"
ARN = f"arn:aws:sns:{REGION}:123456789012:alerts"


class SubscribedTopic:
    """A topic of the emulator, with a queue that subscribes to it."""

    def __init__(self, *, fifo: bool = False) -> None:
        aws = session(emulator())()
        self._sns, self._sqs = (aws.create_client(name, region_name=REGION) for name in ("sns", "sqs"))
        name = "alerts.fifo" if fifo else "alerts"
        options: dict[str, Any] = {"Attributes": {"FifoTopic": "true"}} if fifo else {}
        self.arn: str = self._sns.create_topic(Name=name, **options)["TopicArn"]
        options = {"Attributes": {"FifoQueue": "true"}} if fifo else {}
        self._queue = self._sqs.create_queue(QueueName=f"received-{name}", **options)["QueueUrl"]
        queue = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        self._sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=queue["Attributes"]["QueueArn"])

    def receive(self) -> list[dict[str, Any]]:
        """Return all messages in the queue."""
        answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", ())]

    def close(self) -> None:
        self._sqs.delete_queue(QueueUrl=self._queue)
        self._sns.delete_topic(TopicArn=self.arn)
        for client in (self._sns, self._sqs):
            client.close()


@pytest.fixture(params=[False, True], ids=["standard", "fifo"])
def subscribed_topic(request: pytest.FixtureRequest) -> Iterator[SubscribedTopic]:
    topic = SubscribedTopic(fifo=request.param)
    try:
        yield topic
    finally:
        topic.close()


def test_subscribers_get_a_text_and_attributes(subscribed_topic: SubscribedTopic) -> None:
    """One message per threshold has a subject, a text, and attributes to filter by."""
    clock = FakeClock()
    store = MemoryStore(clock)
    fifo = subscribed_topic.arn.endswith(".fifo")
    sns = SnsClient(REGION, session(emulator()))
    outbox = AlertOutbox(store, [SnsTopic(subscribed_topic.arn, sns, fifo=fifo)], clock, Log())

    async def cross_threshold() -> list[Any]:
        caller = Caller(key(Limits(tokens=10)))
        await settle_usage(build_limiter(store, clock, outbox), clock, caller, "request", 8)
        await outbox.aclose()
        await outbox.deliver()
        return await stored_alerts(store)

    (document,) = asyncio.run(cross_threshold())
    (message,) = subscribed_topic.receive()
    sns.close()

    assert document.body["delivered"] == clock.now()
    assert message["Subject"] == "VaultEdge: key key_one has used 80 % of its token quota"
    assert message["Message"] == "key key_one has used 80 % of its token quota: 8 of 10 tokens"
    attributes = {name: each["Value"] for name, each in message["MessageAttributes"].items()}
    assert attributes["id"] == document.body["id"]
    assert (attributes["percent"], attributes["level"], attributes["limit"]) == ("80", "key", "tokens")
    assert message["MessageAttributes"]["percent"]["Type"] == "Number"
    assert message["MessageAttributes"]["refused"] == {"Type": "String", "Value": "false"}


def test_an_unknown_topic_fails_the_delivery() -> None:
    """The reason of a failure is AWS's error code, without the ARN."""
    sns = SnsClient(REGION, session(emulator()))
    missing = SnsTopic(ARN.replace("alerts", "missing"), sns)

    with pytest.raises(DeliveryFailed, match=r"^NotFound\w*$"):
        asyncio.run(
            missing.send(Notification("alert-1", 0.0, "subject", "text", {"id": "alert-1", "period": ""}))
        )
    sns.close()


def test_an_unreachable_endpoint_fails_the_delivery() -> None:
    """An endpoint that refuses connections fails the delivery."""
    sns = SnsClient(REGION, session("http://127.0.0.1:9"))

    with pytest.raises(DeliveryFailed, match=r"^EndpointConnectionError$"):
        asyncio.run(SnsTopic(ARN, sns).send(Notification("alert-1", 0.0, "subject", "text", {})))
    sns.close()


@pytest.mark.parametrize("subject", ["VaultEdge: owner Größe\n\t\x7f ✓ has used", "x" * 300])
def test_subjects_meet_the_limits_of_sns(subject: str) -> None:
    """Any subject becomes one line of at most 100 ASCII characters."""

    class RecordingClient(SnsClient):
        subject = ""

        def publish(self, topic: str, subject: str, *_: object, **__: object) -> None:
            self.subject = subject

    client = RecordingClient(REGION)
    asyncio.run(SnsTopic(ARN, client).send(Notification("alert-1", 0.0, subject, "text", {})))

    assert 0 < len(client.subject) <= MAX_SUBJECT
    assert client.subject.isascii()
    assert client.subject.isprintable()


@pytest.mark.parametrize(
    "arn", ["alerts", "arn:aws:sqs:eu-central-1:123456789012:alerts", ARN + ":x", ARN + "\n", " "]
)
def test_an_invalid_arn_is_rejected(arn: str) -> None:
    """The error names the setting, and nothing is sent."""
    with pytest.raises(ConfigError, match=r"^VAULTEDGE_ALERT_TOPIC: "):
        sns_topic(arn)


@pytest.mark.parametrize("arn", [ARN, ARN + ".fifo", "arn:aws-us-gov:sns:us-gov-west-1:123456789012:a_b-c"])
def test_creating_the_sink_makes_no_call(arn: str) -> None:
    """No client is created and no credential is read before the first alert."""
    assert sns_topic(arn).name == "sns"
