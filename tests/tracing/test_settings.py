from __future__ import annotations

import pytest

from vaultcore.errors import ConfigError
from vaultcore.settings import Settings

read = Settings.from_env


def test_metrics_are_written_where_somebody_reads_them() -> None:
    """Under Lambda they are on, elsewhere off, and either can be said."""
    there = {"AWS_LAMBDA_FUNCTION_NAME": "fn"}

    assert (read({}).metrics, read(there).metrics) == ("off", "emf")
    assert read({**there, "VAULTEDGE_METRICS": "off"}).metrics == "off"
    assert read({"VAULTEDGE_METRICS": "EMF"}).metrics == "emf"


@pytest.mark.parametrize("text", ["", "  "])
def test_no_collector_is_asked_unless_one_is_named(text: str) -> None:
    """An empty endpoint, as an empty parameter of the template gives it, is none."""
    assert read({"OTEL_EXPORTER_OTLP_ENDPOINT": text}).otlp_endpoint is None


@pytest.mark.parametrize(
    "text",
    ["collector:4318", "ftp://c", "http://user:pass@c", "http://c?key=secret", "http://c d", "https://"],
)
def test_an_endpoint_is_a_plain_url(text: str) -> None:
    """What is no URL, or may hold a secret, is refused by name and not quoted."""
    with pytest.raises(ConfigError, match="OTEL_EXPORTER_OTLP_ENDPOINT") as refused:
        read({"OTEL_EXPORTER_OTLP_ENDPOINT": text})

    assert text not in str(refused.value)


@pytest.mark.parametrize("text", ["canary", "a b=canary", "=canary", "x=canary%0d%0ay: z", "x=%ff-canary"])
def test_headers_that_no_request_can_carry_are_refused(text: str) -> None:
    """The refusal names the setting and shows nothing of it."""
    with pytest.raises(ConfigError, match="OTEL_EXPORTER_OTLP_HEADERS") as refused:
        read({"OTEL_EXPORTER_OTLP_HEADERS": text})

    assert "canary" not in str(refused.value)


def test_headers_are_pairs() -> None:
    """Names in lower case, values decoded, as OpenTelemetry's specification has them."""
    told = read({"OTEL_EXPORTER_OTLP_HEADERS": "X-Key=a%20b%3D, authorization=Bearer c=="}).otlp_headers

    assert told == {"x-key": "a b=", "authorization": "Bearer c=="}
