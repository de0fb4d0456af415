"""What went wrong at a provider, as an `UpstreamError` that is safe to show.

A body is quoted only where the request was at fault, and then redacted; what a provider says about a key or
about itself is told in our own words. None of these errors has a cause: the exceptions of an HTTP library
hold the request, and the request holds the key.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime

import httpx

from vaultcore.dialects import ErrorDetail
from vaultcore.errors import Fault, OutOfTime, StreamBroken, UpstreamError
from vaultcore.routing.fault import fault
from vaultcore.routing.plan import Candidate
from vaultcore.telemetry import redact

QUOTED = frozenset({Fault.REQUEST, Fault.SIZE})  # the request at fault, so its sender reads why
TOO_LONG = "context_length_exceeded"  # OpenAI's code, whatever the provider calls it
MAX_WAIT = 7 * 86_400.0  # seconds; a provider that asks for more is not believed
_CODE = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_PARAM = re.compile(r"[\w.\[\]:-]{1,128}", re.ASCII)
_OURS = {
    Fault.KEY: "refused the key",
    Fault.RATE: "limits the rate of this key",
    Fault.MODEL: "does not serve this model",
    Fault.HOST: "is not able to answer",
}


def refused(
    candidate: Candidate, status: int, detail: ErrorDetail, *, retry_after: float | None = None
) -> UpstreamError:
    """The error of an answer that is not a 200."""
    return _told(candidate, status, fault(status, detail.code), detail, retry_after)


def named(detail: ErrorDetail, headers: Mapping[str, str]) -> ErrorDetail:
    """The detail with the error's name where only a header tells it, as AWS does: `Name:http://…`."""
    name = headers.get("x-amzn-errortype", "").partition(":")[0]
    return replace(detail, code=name) if name and detail.code is None else detail


def reported(candidate: Candidate, status: int | None, detail: ErrorDetail) -> UpstreamError:
    """The error that a provider put into a 200."""
    found = fault(status, detail.code)
    shown = 400 if found in QUOTED and (status is None or not 400 <= status < 500) else status
    return _told(candidate, shown, found, detail, None)


def broken(
    candidate: Candidate, reason: str, *, status: int | None = None, late: bool = False
) -> UpstreamError:
    """No answer came, or nothing that is one. The reason is ours; `late` where it is the request's time."""
    return (OutOfTime if late else UpstreamError)(
        f"{candidate.target.provider.title} {reason}",
        fault=Fault.HOST,
        provider=candidate.target.provider.name,
        model=candidate.target.model.name,
        upstream_status=status,
    )


def unsendable(candidate: Candidate, reason: str, found: Fault) -> UpstreamError:
    """Nothing was sent: the key or the row does not make a request."""
    return UpstreamError(
        f"{candidate.target.provider.title} cannot be asked: {reason}",
        fault=found,
        provider=candidate.target.provider.name,
        model=candidate.target.model.name,
    )


def midway(error: UpstreamError) -> UpstreamError:
    """The same failure, of an answer that had begun."""
    if isinstance(error, OutOfTime):
        error.begun = True
        return error
    return StreamBroken(
        str(error),
        fault=error.fault,
        provider=error.provider,
        model=error.model,
        upstream_status=error.upstream_status,
        retry_after=error.retry_after,
    )


def transport_reason(error: Exception) -> str:
    """What happened on the wire, in words, told from the classes on the exception's chain."""
    chain = tuple(_chain(error))
    if any(isinstance(link, socket.gaierror) for link in chain):
        return "has a name that does not resolve"
    if any(isinstance(link, ConnectionRefusedError) for link in chain):
        return "refused the connection"
    if any(isinstance(link, ssl.SSLError) for link in chain):
        return "could not be trusted: the TLS handshake did not succeed"
    if isinstance(error, httpx.ConnectError):
        return "could not be reached"
    return "broke the connection off"


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds a provider asks to wait: `retry-after-ms`, or `retry-after` as seconds or a date."""
    millis = _number(headers.get("retry-after-ms"))
    if millis is not None:
        return min(millis / 1_000, MAX_WAIT)
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is None and text is not None:
        try:
            seconds = max(parsedate_to_datetime(text).timestamp() - now, 0.0)
        except (ValueError, OverflowError, OSError):
            return None
    return None if seconds is None else min(seconds, MAX_WAIT)


def _told(
    candidate: Candidate, status: int | None, found: Fault, detail: ErrorDetail, wait: float | None
) -> UpstreamError:
    provider, key = candidate.target.provider, candidate.credential.key
    request = found in QUOTED
    where = f" ({status})" if status is not None else ""
    said = redact(detail.message, key) if request else ""
    return UpstreamError(
        said or f"{provider.title} {_OURS.get(found, 'refused the request')}{where}",
        fault=found,
        provider=provider.name,
        model=candidate.target.model.name,
        upstream_status=status,
        retry_after=wait,
        param=_plain(_PARAM, detail.param, key) if request else None,
        code=TOO_LONG if found is Fault.SIZE else _plain(_CODE, detail.code, key) if request else None,
    )


def _plain(grammar: re.Pattern[str], text: str | None, key: str) -> str | None:
    """A code or a path if it looks like one; anything else is dropped rather than shown."""
    return text if text and grammar.fullmatch(text) and redact(text, key) == text else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < float("inf") else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what caused it, members of groups included."""
    waiting, seen = [error], 0
    while waiting and seen < 32:
        link = waiting.pop()
        seen += 1
        yield link
        waiting += [cause for cause in (link.__cause__, link.__context__) if cause is not None]
        if isinstance(link, BaseExceptionGroup):
            waiting += link.exceptions
