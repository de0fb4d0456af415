from __future__ import annotations

import pytest

from vaultcore.errors import ConfigError
from vaultcore.settings import Settings

read = Settings.from_env


def test_metrics_are_on_for_lambda_only() -> None:
    """Metrics are on in Lambda and off elsewhere by default; the setting overrides both."""
    on_lambda = {"AWS_LAMBDA_FUNCTION_NAME": "fn"}

    assert (read({}).metrics, read(on_lambda).metrics) == ("off", "emf")
    assert read({**on_lambda, "VAULTEDGE_METRICS": "off"}).metrics == "off"
    assert read({"VAULTEDGE_METRICS": "EMF"}).metrics == "emf"


@pytest.mark.parametrize("text", ["", "  "])
def test_a_blank_endpoint_is_no_endpoint(text: str) -> None:
    """An empty endpoint, as from an empty template parameter, is none."""
    assert read({"OTEL_EXPORTER_OTLP_ENDPOINT": text}).otlp_endpoint is None


@pytest.mark.parametrize(
    "text",
    ["collector:4318", "ftp://c", "http://user:pass@c", "http://c?key=secret", "http://c d", "https://"],
)
def test_an_endpoint_is_a_plain_url(text: str) -> None:
    """Anything but a URL, and a URL that may contain a secret, is rejected by name and not quoted."""
    with pytest.raises(ConfigError, match="OTEL_EXPORTER_OTLP_ENDPOINT") as refused:
        read({"OTEL_EXPORTER_OTLP_ENDPOINT": text})

    assert text not in str(refused.value)


@pytest.mark.parametrize("text", ["canary", "a b=canary", "=canary", "x=canary%0d%0ay: z", "x=%ff-canary"])
def test_invalid_headers_are_rejected(text: str) -> None:
    """The error names the setting and does not quote it."""
    with pytest.raises(ConfigError, match="OTEL_EXPORTER_OTLP_HEADERS") as refused:
        read({"OTEL_EXPORTER_OTLP_HEADERS": text})

    assert "canary" not in str(refused.value)


def test_headers_are_pairs() -> None:
    """Names are in lower case and values percent-decoded, as the OpenTelemetry specification requires."""
    headers = read({"OTEL_EXPORTER_OTLP_HEADERS": "X-Key=a%20b%3D, authorization=Bearer c=="}).otlp_headers

    assert headers == {"x-key": "a b=", "authorization": "Bearer c=="}
