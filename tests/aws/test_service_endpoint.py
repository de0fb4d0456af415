from __future__ import annotations

import os
from functools import cache

import pytest
from botocore.config import Config
from botocore.session import Session

from vaultcore.aws.service_endpoint import ServiceEndpoint, endpoint_of

REGIONS = ("eu-central-1", "us-east-1", "mx-central-1", "us-gov-west-1", "cn-north-1")
ISOLATED = ("us-iso-east-1", "us-isob-east-1", "us-isof-south-1", "eu-isoe-west-1", "eusc-de-east-1")
VARIANTS = [(region, *flags) for region in REGIONS for flags in ((0, 0), (1, 0), (0, 1), (1, 1))]


@cache
def botocore_session() -> Session:
    session = Session()
    session.set_config_variable("config_file", os.devnull)
    session.set_credentials("test", "test")
    return session


def url_of_botocore(region: str, fips: int, dual_stack: int) -> str:
    """Return the URL that botocore would send a request to."""
    urls: list[str] = []

    class Stop(Exception):
        pass

    def record(request: object, **_: object) -> None:
        urls.append(request.url)  # type: ignore[attr-defined]
        raise Stop

    config = Config(use_fips_endpoint=bool(fips), use_dualstack_endpoint=bool(dual_stack))
    client = botocore_session().create_client("dynamodb", region_name=region, config=config)
    client.meta.events.register("before-send", record)
    with pytest.raises(Stop):
        client.list_tables()
    client.close()
    return urls[0]


@pytest.mark.parametrize(("region", "fips", "dual_stack"), [*VARIANTS, *((each, 0, 0) for each in ISOLATED)])
def test_endpoints_are_those_of_botocore(
    region: str, fips: int, dual_stack: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every partition, with FIPS and dual stack, requests go where botocore sends them."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"):
        monkeypatch.delenv(name, raising=False)
    environ = {
        "AWS_DEFAULT_REGION": region,
        "AWS_USE_FIPS_ENDPOINT": "true" if fips else "false",
        "AWS_USE_DUALSTACK_ENDPOINT": "True" if dual_stack else "",
    }
    endpoint = endpoint_of(environ, "dynamodb")

    assert f"https://{endpoint.authority}{endpoint.path}" == url_of_botocore(region, fips, dual_stack)


URL = "http://127.0.0.1:4566"


@pytest.mark.parametrize(
    ("environ", "authority"),
    [
        ({"AWS_ENDPOINT_URL": URL}, "127.0.0.1:4566"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_DYNAMODB": URL}, "127.0.0.1:4566"),
        ({"AWS_ENDPOINT_URL_SNS": URL}, "dynamodb.eu-west-1.amazonaws.com"),
        (
            {"AWS_ENDPOINT_URL": URL, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            "dynamodb.eu-west-1.amazonaws.com",
        ),
        ({"AWS_DEFAULT_REGION": "eu-west-3"}, "dynamodb.eu-west-3.amazonaws.com"),
        ({"AWS_ENDPOINT_URL": "https://vpce.example/"}, "vpce.example"),
        ({"AWS_ENDPOINT_URL": "http://[::1]:8000"}, "[::1]:8000"),
        ({"AWS_ENDPOINT_URL": "http://localhost:80"}, "localhost"),
    ],
)
def test_a_configured_endpoint(environ: dict[str, str], authority: str) -> None:
    """The service's own variable precedes the general one; AWS_DEFAULT_REGION precedes AWS_REGION."""
    assert endpoint_of({"AWS_REGION": "eu-west-1", **environ}, "dynamodb").authority == authority


@pytest.mark.parametrize(
    "url", ["ftp://host", "http://", "host:8000", "http://host:port", "http://ü.example"]
)
def test_an_invalid_endpoint(url: str) -> None:
    """A value that is no http or https URL is rejected, not ignored."""
    with pytest.raises(ValueError, match=r"URL|[Pp]ort"):
        endpoint_of({"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": url}, "dynamodb")


@pytest.mark.parametrize("region", ["", "eu west", "evil.example/", "-", "a" * 64])
def test_an_invalid_region(region: str) -> None:
    """A region that is no label of a host name cannot change the host."""
    with pytest.raises(ValueError, match="region"):
        endpoint_of({"AWS_REGION": region}, "dynamodb")


def test_the_parts_of_a_url() -> None:
    """A URL's path and port are kept."""
    endpoint = ServiceEndpoint.of_url("https://host.example:8443/a/b", "eu-west-1")

    assert endpoint == ServiceEndpoint(True, "host.example", 8443, "/a/b", "eu-west-1")
