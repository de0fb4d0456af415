"""Finds a service's endpoint and this process's credentials: in the environment if that is enough.

botocore searches configuration files, profiles, single sign-on, roles to assume and machine roles. Importing
it takes longer than all other imports of a function, so it is the second choice.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from vaultcore.aws.clients import AwsError
from vaultcore.aws.keep_alive import tls_context
from vaultcore.aws.process_credentials import (
    CachedCredentials,
    EnvironmentCredentials,
    LoadedCredentials,
    container_url,
    load_from_session,
)
from vaultcore.aws.service_endpoint import ServiceEndpoint, endpoint_of, region_of, regional_endpoint
from vaultcore.aws.signed_requests import ServiceAccess
from vaultcore.clock import Clock

if TYPE_CHECKING:
    from botocore.session import Session

PROFILE = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
CA_FILE = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")


def find_access(
    service: str, environ: Mapping[str, str], session: Callable[[], Session], clock: Clock
) -> ServiceAccess:
    """Return endpoint and credentials of a service. Needs no network. Raise AwsError. Blocks."""
    try:
        if is_sufficient(environ):
            endpoint, tls = endpoint_of(environ, service), _tls(_first(environ, CA_FILE))
            access = ServiceAccess(endpoint, EnvironmentCredentials(environ, clock, tls), tls)
        else:
            access = _ask_botocore(service, session(), environ, clock)
        if access.endpoint.is_tls:
            access.tls()
    except ValueError:
        raise AwsError("configure", "InvalidEndpoint") from None
    except OSError:
        raise AwsError("configure", "InvalidCABundle") from None
    return access


def is_sufficient(environ: Mapping[str, str]) -> bool:
    """Return True if the environment has a region and credentials and nothing that takes precedence.

    Without this, files with settings and credentials have to be read, which botocore does.
    """
    if region_of(environ) is None or _first(environ, PROFILE):
        return False
    if _is_file(environ.get("AWS_CONFIG_FILE"), "~/.aws/config"):
        return False
    if environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY"):
        return True
    if environ.get("AWS_WEB_IDENTITY_TOKEN_FILE") or container_url(environ) is None:
        return False
    return not _is_file(environ.get("AWS_SHARED_CREDENTIALS_FILE"), "~/.aws/credentials")


def _ask_botocore(service: str, session: Session, environ: Mapping[str, str], clock: Clock) -> ServiceAccess:
    from botocore.exceptions import BotoCoreError

    try:
        client = session.create_client(service)
        region, url = client.meta.region_name, client.meta.endpoint_url
        client.close()
        fips = bool(session.get_config_variable("use_fips_endpoint"))
        dual_stack = bool(session.get_config_variable("use_dualstack_endpoint"))
        ca_file = session.get_config_variable("ca_bundle")
    except BotoCoreError as error:
        raise AwsError("configure", type(error).__name__) from None
    if fips or dual_stack:  # botocore computes these endpoints with each request
        endpoint = regional_endpoint(region, service, fips=fips, dual_stack=dual_stack)
    else:
        endpoint = ServiceEndpoint.of_url(url, region)

    async def load(_is_urgent: bool) -> LoadedCredentials:
        return await asyncio.to_thread(load_from_session, session, clock.now())

    return ServiceAccess(endpoint, CachedCredentials(load, clock), _tls(ca_file or _first(environ, CA_FILE)))


def _tls(ca_file: str | None) -> Callable[[], ssl.SSLContext]:
    """Return a function that reads the certificates once."""
    return cache(partial(tls_context, ca_file))


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)


def _is_file(path: str | None, default: str) -> bool:
    try:
        return Path(path or default).expanduser().is_file()
    except RuntimeError:  # there is no home directory
        return False
