"""The URL and region of an AWS service, from the variables that AWS's SDKs share.

https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from vaultcore.lazy_dataclass import dataclass

PARTITIONS = (  # how regions start, the DNS suffix, and the suffix of dual-stack endpoints
    ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("us-gov-", "amazonaws.com", "api.aws"),
    ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    ("", "amazonaws.com", "api.aws"),
)
REGION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # one label of a host name


@dataclass(frozen=True, slots=True)
class ServiceEndpoint:
    """The URL of a service. `path` is "/" but for a custom URL with a path."""

    is_tls: bool
    host: str  # without the brackets of an IPv6 address
    port: int
    path: str
    region: str

    @classmethod
    def of_url(cls, url: str, region: str) -> ServiceEndpoint:
        """Return the endpoint of an http or https URL. Raise ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii():
            raise ValueError("not an http or https URL")
        is_tls = parts.scheme == "https"
        query = f"?{parts.query}" if parts.query else ""
        return cls(
            is_tls,
            parts.hostname,
            parts.port or (443 if is_tls else 80),
            f"{parts.path or '/'}{query}",
            region,
        )

    @property
    def authority(self) -> str:
        """Return the value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


def region_of(environ: Mapping[str, str]) -> str | None:
    """Return the region, or None."""
    return environ.get("AWS_DEFAULT_REGION") or environ.get("AWS_REGION") or None


def endpoint_of(environ: Mapping[str, str], service: str) -> ServiceEndpoint:
    """Return the endpoint of a service that has one per region. Raise ValueError."""
    if (region := region_of(environ)) is None:
        raise ValueError("no region")
    if not _is_true(environ, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        for name in (f"AWS_ENDPOINT_URL_{service.upper()}", "AWS_ENDPOINT_URL"):
            if url := environ.get(name):
                return ServiceEndpoint.of_url(url, region)
    return regional_endpoint(
        region,
        service,
        fips=_is_true(environ, "AWS_USE_FIPS_ENDPOINT"),
        dual_stack=_is_true(environ, "AWS_USE_DUALSTACK_ENDPOINT"),
    )


def regional_endpoint(
    region: str, service: str, *, fips: bool = False, dual_stack: bool = False
) -> ServiceEndpoint:
    """Return AWS's own endpoint. Raise ValueError if `region` is no region."""
    if not REGION.fullmatch(region):
        raise ValueError("not a region")
    start, suffix, dual_stack_suffix = next(row for row in PARTITIONS if region.startswith(row[0]))
    has_fips_name = fips and not (start == "us-gov-" and not dual_stack)  # there, the usual one is FIPS
    host = f"{service}-fips" if has_fips_name else service
    domain = dual_stack_suffix if dual_stack else suffix
    return ServiceEndpoint(True, f"{host}.{region}.{domain}", 443, "/", region)


def _is_true(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").strip().lower() == "true"
