"""Signed POST requests to one AWS service, over keep-alive connections."""

from __future__ import annotations

import json
import ssl
from calendar import timegm
from collections.abc import Callable
from typing import Any

from vaultcore.aws.http_response import HttpResponse
from vaultcore.aws.keep_alive import KeepAliveConnections
from vaultcore.aws.process_credentials import CredentialSource
from vaultcore.aws.service_endpoint import ServiceEndpoint
from vaultcore.aws.signature import SignatureV4
from vaultcore.clock import Clock
from vaultcore.lazy_dataclass import dataclass

MIN_SKEW = 5.0  # seconds between the clocks, below which a rejected signature has another reason
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SKEWED = frozenset(
    {"InvalidSignatureException", "RequestTimeTooSkewed", "RequestExpired", "SignatureDoesNotMatch"}
)
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})


@dataclass(frozen=True, slots=True)
class ServiceAccess:
    """The endpoint, credentials and TLS settings with which a client calls a service."""

    endpoint: ServiceEndpoint
    credentials: CredentialSource
    tls: Callable[[], ssl.SSLContext]


class ServerClock:
    """Estimates the server's time minus ours from `Date` headers, which have whole seconds.

    Every answer bounds the difference to an interval of a second and the time of the call. The intervals of
    several answers overlap, until one of the clocks is set.
    """

    def __init__(self) -> None:
        self._least, self._most = float("-inf"), float("inf")
        self._date, self._date_seconds = "", 0.0

    @property
    def offset(self) -> float:
        """Return seconds to add to our time; 0.0 before the first answer."""
        return (self._least + self._most) / 2 if self._most < float("inf") else 0.0

    def observe(self, date: str, sent: float, received: float) -> None:
        """Narrow the estimate with an answer's Date header. Both times are in seconds since the epoch."""
        if date != self._date:
            if (seconds := parse_date(date)) is None:
                return
            self._date, self._date_seconds = date, seconds
        least, most = self._date_seconds - received, self._date_seconds + 1.0 - sent
        self._least, self._most = max(least, self._least), min(most, self._most)
        if self._least > self._most:
            self._least, self._most = least, most


class SignedRequests:
    """Sends requests in the protocol AWS JSON 1.0."""

    def __init__(
        self, access: ServiceAccess, service: str, target: str, clock: Clock, *, connect: float, read: float
    ) -> None:
        """`target` is the prefix of operations in X-Amz-Target. The timeouts are in seconds."""
        self._credentials, self._clock, self._path = access.credentials, clock, access.endpoint.path
        self._signature = SignatureV4(access.endpoint.region, service)
        self._connections = KeepAliveConnections(
            access.endpoint, access.tls, clock, connect=connect, read=read
        )
        self._headers = {"content-type": "application/x-amz-json-1.0", "host": access.endpoint.authority}
        self._target = target
        self._skew = 0.0  # seconds that signatures add to our time, after the server has rejected one
        self.server_clock = ServerClock()
        self._server_uptime = ServerClock()  # minus the machine's uptime, which no setting of a clock changes

    async def post(self, operation: str, body: bytes, *, fresh: bool = False) -> HttpResponse:
        """Return the response, whatever its status. Raise NoResponse or CredentialsUnavailable.

        A request that is rejected because of its time or expired credentials is repeated once: nothing was
        done. `fresh`: on a new connection.
        """
        response = await self._post_once(operation, body, fresh=fresh)
        if response.status == 200 or not self._can_sign_better(error_code(response)):
            return response
        return await self._post_once(operation, body, fresh=False)

    def server_now(self) -> float:
        """Return the server's time, or ours before the first answer. Setting our clock does not change it."""
        offset = self._server_uptime.offset
        return self._clock.monotonic() + offset if offset else self._clock.now()

    def close(self) -> None:
        self._connections.close()

    async def _post_once(self, operation: str, body: bytes, *, fresh: bool) -> HttpResponse:
        credentials = await self._credentials.current()
        sent, uptime = self._clock.now(), self._clock.monotonic()
        headers = {**self._headers, "x-amz-target": f"{self._target}.{operation}"}
        signed = self._signature.sign(self._path, headers, body, credentials, sent + self._skew)
        lines = "".join([f"{name}: {value}\r\n" for name, value in signed.items()])
        head = f"POST {self._path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n"
        response = await self._connections.exchange(head.encode("ascii") + body, fresh=fresh)
        if (date := response.headers.get("date")) is not None:
            self.server_clock.observe(date, sent, self._clock.now())
            self._server_uptime.observe(date, uptime, self._clock.monotonic())
        return response

    def _can_sign_better(self, code: str) -> bool:
        """Adopt the server's time or new credentials after a rejection; return True if that may help."""
        if code in EXPIRED:
            self._credentials.expire()
            return True
        offset = self.server_clock.offset
        if code in SKEWED and abs(offset - self._skew) >= MIN_SKEW:
            self._skew = offset
            return True
        return False


def parse_error(response: HttpResponse) -> dict[str, Any]:
    """Return the JSON object of an error response; {} if it is something else."""
    try:
        fields = json.loads(response.body)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def error_code(response: HttpResponse) -> str:
    """Return AWS's error code without its namespace, or the status if the response has none.

    >>> error_code(HttpResponse(400, {}, b'{"__type": "com.amazonaws.dynamodb#SlowDown"}', True))
    'SlowDown'
    """
    code = parse_error(response).get("__type") or response.headers.get("x-amzn-errortype") or ""
    return str(code).rpartition("#")[2].partition(":")[0] or str(response.status)


def parse_date(text: str) -> float | None:
    """Return the seconds since the epoch of a Date header, None if it is invalid.

    >>> parse_date("Sun, 22 Nov 2026 12:00:00 GMT")
    1795348800.0
    """
    try:
        _, day, month, year, clock, zone = text.split()
        hour, minute, second = clock.split(":")
        if zone != "GMT":
            return None
        date = (int(year), MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second))
        return float(timegm(date))
    except ValueError:
        return None
