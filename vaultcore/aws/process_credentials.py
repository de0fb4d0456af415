"""The credentials of this process: from its environment, a container's endpoint, or botocore's search.

A container endpoint serves functions with SnapStart, ECS tasks and EKS pods:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vaultcore.aws.keep_alive import KeepAliveConnections, NoResponse
from vaultcore.aws.service_endpoint import ServiceEndpoint
from vaultcore.aws.signature import AwsCredentials
from vaultcore.clock import Clock
from vaultcore.lazy_dataclass import dataclass
from vaultcore.telemetry import Log

if TYPE_CHECKING:
    from botocore.session import Session

CONTAINER_HOSTS = frozenset({"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost"})  # without TLS
CONTAINER_TIMEOUT = 2.0  # seconds
CONTAINER_ATTEMPTS, CONTAINER_PAUSE = 3, 0.5  # and seconds between them
EARLY = 900.0  # seconds before expiry at which new credentials are read
RETRY_AFTER = 30.0  # seconds after a failure, while the credentials are still valid
FAILURE_AGE = 1.0  # seconds for which a failure is the answer to all tasks
RELOAD = 60.0  # seconds after which botocore is asked again: it refreshes its credentials by itself
MAX_AGE = 600.0  # seconds for which credentials of botocore are used if it fails


class CredentialsUnavailable(Exception):
    """There are no credentials. `code` is the name of botocore's exception for this."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class CredentialSource(Protocol):
    """The source of a request's credentials."""

    async def current(self) -> AwsCredentials:
        """Return valid credentials. Raise CredentialsUnavailable."""
        ...

    def expire(self) -> None:
        """Forget cached credentials: AWS has rejected them as expired."""
        ...


@dataclass(frozen=True, slots=True)
class LoadedCredentials:
    """Credentials with two times in seconds since the epoch: when to load others, when these are useless."""

    credentials: AwsCredentials
    refresh_at: float
    expires_at: float


class CachedCredentials:
    """Loads credentials when they are due. One task loads; others use valid ones meanwhile.

    `load` gets True if no valid credentials remain, else it should give up soon.
    """

    def __init__(self, load: Callable[[bool], Awaitable[LoadedCredentials]], clock: Clock) -> None:
        self._load, self._clock = load, clock
        self._loaded: LoadedCredentials | None = None
        self._failure: tuple[float, str] = (float("-inf"), "")  # when the last one ends, and its code
        self._lock = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def current(self) -> AwsCredentials:
        now = self._clock.now()
        if self._loaded is not None and now < self._loaded.refresh_at:
            return self._loaded.credentials
        lock = self._loop_lock()
        if self._loaded is not None and now < self._loaded.expires_at and lock.locked():
            return self._loaded.credentials
        async with lock:
            if self._loaded is None or self._clock.now() >= self._loaded.refresh_at:
                if self._loaded is None and self._clock.now() < self._failure[0]:
                    raise CredentialsUnavailable(self._failure[1])
                self._loaded = await self._reload()
            return self._loaded.credentials

    def expire(self) -> None:
        self._loaded = None

    async def _reload(self) -> LoadedCredentials:
        try:
            return await self._load(self._loaded is None or self._clock.now() >= self._loaded.expires_at)
        except CredentialsUnavailable as error:
            now = self._clock.now()
            if self._loaded is None or now >= self._loaded.expires_at:
                self._loaded, self._failure = None, (now + FAILURE_AGE, error.code)
                raise
            Log().error("AWS credentials cannot be refreshed; the gateway tries again", code=error.code)
            return replace(self._loaded, refresh_at=min(now + RETRY_AFTER, self._loaded.expires_at))

    def _loop_lock(self) -> asyncio.Lock:
        """Return this event loop's lock."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._lock = loop, asyncio.Lock()
        return self._lock


class EnvironmentCredentials:
    """Reads the variables with every request, because they may change; else asks the container endpoint."""

    def __init__(self, environ: Mapping[str, str], clock: Clock, tls: Callable[[], ssl.SSLContext]) -> None:
        self._environ = environ
        self._container = CachedCredentials(
            lambda is_urgent: load_from_container(environ, clock, tls, is_urgent=is_urgent), clock
        )

    async def current(self) -> AwsCredentials:
        variables = self._environ
        key_id, secret = variables.get("AWS_ACCESS_KEY_ID"), variables.get("AWS_SECRET_ACCESS_KEY")
        if key_id and secret:
            return _checked(AwsCredentials(key_id, secret, variables.get("AWS_SESSION_TOKEN") or None))
        return await self._container.current()

    def expire(self) -> None:
        self._container.expire()


async def load_from_container(
    environ: Mapping[str, str], clock: Clock, tls: Callable[[], ssl.SSLContext], *, is_urgent: bool
) -> LoadedCredentials:
    """Return the credentials of a container's endpoint: after one attempt or, if `is_urgent`, several.

    Raise CredentialsUnavailable.
    """
    if (url := container_url(environ)) is None:
        raise CredentialsUnavailable("NoCredentialsError")
    try:
        endpoint = ServiceEndpoint.of_url(url, "")
        is_allowed = endpoint.is_tls or _is_container_host(endpoint.host)
        token = _container_token(environ)
    except (OSError, ValueError):
        is_allowed = False
    if not is_allowed:
        raise CredentialsUnavailable("CredentialRetrievalError")
    head = f"GET {endpoint.path} HTTP/1.1\r\nhost: {endpoint.authority}\r\naccept: application/json\r\n"
    head += f"authorization: {token}\r\n" if token else ""
    connections = KeepAliveConnections(
        endpoint, tls, clock, connect=CONTAINER_TIMEOUT, read=CONTAINER_TIMEOUT
    )
    for attempts_left in range(CONTAINER_ATTEMPTS - 1 if is_urgent else 0, -1, -1):
        try:
            response = await connections.exchange(f"{head}connection: close\r\n\r\n".encode("ascii"))
            if response.status == 200:
                return _parse_container_response(response.body, clock.now())
        except NoResponse:
            pass
        if attempts_left:
            await clock.sleep(CONTAINER_PAUSE)
    raise CredentialsUnavailable("CredentialRetrievalError")


def container_url(environ: Mapping[str, str]) -> str | None:
    """Return the URL of the container's endpoint, or None."""
    if path := environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        return f"http://169.254.170.2{path}"
    return environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") or None


def load_from_session(session: Session, now: float) -> LoadedCredentials:
    """Return the credentials that botocore finds. Raise CredentialsUnavailable. Blocks."""
    from botocore.exceptions import BotoCoreError

    try:
        resolved = session.get_credentials()
        frozen = None if resolved is None else resolved.get_frozen_credentials()
    except BotoCoreError as error:
        raise CredentialsUnavailable(type(error).__name__) from None
    if frozen is None:
        raise CredentialsUnavailable("NoCredentialsError")
    credentials = AwsCredentials(str(frozen.access_key), str(frozen.secret_key), frozen.token or None)
    return LoadedCredentials(_checked(credentials), now + RELOAD, now + MAX_AGE)


def _is_container_host(host: str) -> bool:
    try:
        return host in CONTAINER_HOSTS or ip_address(host).is_loopback
    except ValueError:
        return False


def _container_token(environ: Mapping[str, str]) -> str | None:
    """Return the token for the endpoint. A file is read each time. Raise OSError or ValueError."""
    if path := environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        token = Path(path).read_text("utf-8")
    else:
        token = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    if not (token.isascii() and token.isprintable()):
        raise ValueError("a token with line breaks")
    return token or None


def _parse_container_response(body: bytes, now: float) -> LoadedCredentials:
    try:
        fields = json.loads(body)
        expires_at = datetime.fromisoformat(fields["Expiration"]).timestamp()
        credentials = AwsCredentials(fields["AccessKeyId"], fields["SecretAccessKey"], fields["Token"])
    except (KeyError, TypeError, ValueError):
        raise CredentialsUnavailable("CredentialRetrievalError") from None
    # An endpoint that still serves old credentials is asked again, but not with every request.
    return LoadedCredentials(
        _checked(credentials), max(expires_at - EARLY, now + RETRY_AFTER), max(expires_at, now + RETRY_AFTER)
    )


def _checked(credentials: AwsCredentials) -> AwsCredentials:
    if not credentials.is_header_safe:
        raise CredentialsUnavailable("PartialCredentialsError")
    return credentials
