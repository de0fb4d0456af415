"""All errors that this package raises deliberately.

Two are never raised by a request:

    VaultError                   the vault cannot be opened or changed
    ConfigError                  a setting or an operator's file is invalid

GatewayError is the base class of errors that a client receives. It carries the HTTP status:

    InvalidRequest          400  the request is invalid
      ConversationElsewhere 400  the provider does not hold the conversation that the request continues
    Unauthorized            401  the API key is missing or unknown
    CreditsExhausted        402  the prepaid credits do not cover the request
    Forbidden               403  the key is not allowed to do this
    NoRoute                 404  no provider serves the model
    NotFound                404  the path does not exist
    MethodNotAllowed        405  the path does not support the method
    IdempotencyConflict     409  another request with the same idempotency key is in progress
    IdempotencyKeyReused    409  the idempotency key belongs to a different request
    RequestTooLarge         413  the body exceeds the size limit
    UnsupportedMedia        415  the content type or encoding is not supported
    UpgradeRequired         426  the client wants a WebSocket
    LimitExceeded           429  a rate limit, quota or budget is reached
    StoreUnavailable        503  the store cannot be reached
    VaultUnavailable        503  the vault cannot be reached
    ShuttingDown            503  the server stops before the request has ended
    DeadlineExceeded        504  the request's time is over
    UpstreamError                one attempt at one provider failed; `fault` is the kind of failure
      StreamBroken               the provider broke off a response it had started
      AttemptDeadlineExceeded    the request's time ended during the attempt
    AttemptsExhausted       502  every attempt failed; carries all their errors
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from math import ceil
from typing import Any, ClassVar

from vaultcore.lazy_dataclass import dataclass

CLIENT_DISCONNECTED = 499  # status of a request whose client disconnected, which did not fail (nginx's code)


class VaultError(Exception):
    """The vault cannot be opened or changed. Neither the message nor the cause contains plaintext."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint  # what to do about it


class ConfigError(Exception):
    """A setting or an operator's file is invalid. The message begins with file, line and key, if any."""

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, key: str | None = None
    ) -> None:
        position = ":".join(str(part) for part in (file, line) if part is not None)
        super().__init__(": ".join(part for part in (position, key, message) if part))
        self.file, self.line, self.key = file, line, key


@dataclass(frozen=True, slots=True)
class LimitShortage:
    """Why a limit refuses a request. Amounts are requests, tokens or nano-dollars."""

    level: str  # key, owner or gateway
    limit: str  # field of Limits
    most: int  # the limit
    remaining: int  # with open reservations subtracted
    needed: int | None  # the most that the request can use; None: the request was not read


def whole_seconds(wait: float) -> int:
    """Return a waiting time in whole seconds, rounded up from a millisecond on, at least 1."""
    return max(1, ceil(wait - 0.001))


class GatewayError(Exception):
    """A request that is rejected or fails. `type` and `code` are those of the error body."""

    status: int = 500
    type: str = "api_error"
    code: str = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.param = param  # the request field at fault
        self.retry_after = retry_after  # seconds
        self.headers: dict[str, str] = {}  # additional response headers
        self.shortage: LimitShortage | None = None  # the limit that refuses the request
        self.details: dict[str, Any] | None = None  # for clients that act on it, see client_apis.messages
        self.rpc_details: Sequence[dict[str, Any]] = ()  # of the provider, see client_apis.gemini.errors
        self.fields: Mapping[str, Any] = {}  # further fields of the provider's error, see client_apis.chat
        self.upstream_request_id: str | None = None  # in the provider's own error body
        if code is not None:
            self.code = code

    @property
    def is_budget_used(self) -> bool:
        """Return True if a quota, a budget or credits are used up: waiting a moment does not help."""
        return self.type == CreditsExhausted.type


class InvalidRequest(GatewayError):
    status, type, code = 400, "invalid_request_error", "invalid_value"


def name_parameter(message: str, param: str, name: str) -> str:
    """Return an error's message with the client's `name` of the parameter, which is first if it had none.

    >>> name_parameter("n must be 1: only one choice", "n", "generationConfig.candidateCount")
    'generationConfig.candidateCount must be 1: only one choice'
    >>> name_parameter("must be a data URI", "messages[0].content[1]", "input[0].content[1]")
    'input[0].content[1]: must be a data URI'
    """
    named, count = re.subn(rf"(?<![\w.]){re.escape(param)}(?!\w)", lambda _: name, message)
    return named if count else f"{name}: {message}"


class ConversationElsewhere(InvalidRequest):
    """The request continues a conversation that only its first provider holds.

    Anthropic's SDKs read `details` and send the whole conversation instead.
    """

    code = "thread_unsupported_request"

    def __init__(self, message: str, *, param: str, features: Sequence[str]) -> None:
        super().__init__(message, param=param)
        self.details = {"error_code": self.code, "unsupported": [*features]}


class Unauthorized(GatewayError):
    """The message is the same for every reason, so that it does not reveal which keys exist."""

    status, type, code = 401, "authentication_error", "invalid_api_key"

    def __init__(self) -> None:
        super().__init__("Incorrect API key provided.")


class CreditsExhausted(GatewayError):
    status, type, code = 402, "insufficient_quota", "insufficient_credits"


class Forbidden(GatewayError):
    status, type, code = 403, "permission_error", "model_not_allowed"


class NoRoute(GatewayError):
    status, type, code = 404, "not_found_error", "model_not_found"


class NotFound(GatewayError):
    status, type, code = 404, "not_found_error", "not_found"


class MethodNotAllowed(GatewayError):
    status, type, code = 405, "invalid_request_error", "method_not_allowed"


class UpgradeRequired(GatewayError):
    """The client wants a WebSocket. Clients such as Codex go on over HTTP after this status only."""

    status, type, code = 426, "invalid_request_error", "websocket_not_supported"

    def __init__(self) -> None:
        super().__init__("This gateway does not accept WebSockets. Send the request over HTTP.")
        self.headers["upgrade"] = "HTTP/1.1"  # required by RFC 9110, section 15.5.22


class RequestTooLarge(GatewayError):
    status, type, code = 413, "invalid_request_error", "request_too_large"


class IdempotencyConflict(GatewayError):
    status, type, code = 409, "invalid_request_error", "idempotency_conflict"


class IdempotencyKeyReused(GatewayError):
    """Sets `x-should-retry: false`, because OpenAI's and Anthropic's SDKs retry a 409 by default."""

    status, type, code = 409, "invalid_request_error", "idempotency_key_reused"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.headers["x-should-retry"] = "false"


class UnsupportedMedia(GatewayError):
    status, type, code = 415, "invalid_request_error", "unsupported_media_type"


class LimitExceeded(GatewayError):
    """A rate limit or, if `lasting`, a quota or budget, whose error type is insufficient_quota."""

    status, type, code = 429, "rate_limit_error", "rate_limit_exceeded"

    def __init__(
        self,
        message: str,
        *,
        lasting: bool = False,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code, retry_after=retry_after)
        if lasting:
            self.type = "insufficient_quota"


class StoreUnavailable(GatewayError):
    """`reason` is for logs and metrics; "" if only the cause shows it, see store.unavailable_reason."""

    status, type, code = 503, "service_unavailable", "store_unavailable"

    def __init__(self, message: str, *, reason: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.reason = reason


class VaultUnavailable(GatewayError):
    status, type, code = 503, "service_unavailable", "vault_unavailable"


class ShuttingDown(GatewayError):
    status, type, code = 503, "service_unavailable", "shutting_down"


class DeadlineExceeded(GatewayError):
    status, type, code = 504, "upstream_error", "deadline_exceeded"


class Fault(Enum):
    """The kind of a failed attempt. It decides which candidate is next and what gets a cooldown."""

    REQUEST = "the request is invalid"  # no other candidate is tried
    KEY = "the provider key is invalid, unpaid or not permitted"
    RATE = "the provider key reached a rate limit"
    MODEL = "the provider does not serve the model"
    SIZE = "the request exceeds the model's context window"
    HOST = "the provider is down, slow or sends invalid responses"
    OUTPUT = "the model wrote no usable response"  # it may at the next attempt
    HISTORY = "the model cannot continue this conversation"  # another model may


class UpstreamError(GatewayError):
    """One attempt at one provider failed.

    `upstream_status` is None without a complete response: refused, reset, timeout, broken stream.
    `retry_after` is in seconds. The message may be shown: it was redacted and capped when it was read.
    """

    status, type, code = 502, "upstream_error", "upstream_error"

    def __init__(
        self,
        message: str,
        *,
        fault: Fault,
        provider: str = "",
        model: str = "",
        upstream_status: int | None = None,
        retry_after: float | None = None,
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, param=param, code=code, retry_after=retry_after)
        self.fault = fault
        self.provider, self.model = provider, model
        self.upstream_status = upstream_status
        if fault in {Fault.REQUEST, Fault.SIZE}:
            self.status = upstream_status or 400
            self.type = "invalid_request_error"


class StreamBroken(UpstreamError):
    """A provider broke off a response it had started."""

    code = "stream_broken"


class AttemptDeadlineExceeded(UpstreamError):
    """The gateway stopped an attempt because the request's time was over."""

    status, code = 504, "deadline_exceeded"
    has_started = False  # True if the provider had started its response


class AttemptsExhausted(GatewayError):
    """Every attempt failed. The status is 502, or 404 or 429 if all providers returned that status.

    If no provider serves the model, the status is 404, or 400 if all providers returned 400. `refusals` are
    the reasons of targets that were not called because they cannot carry the request, by the target's name.
    """

    status, type, code = 502, "upstream_error", "all_providers_failed"

    SHARED: ClassVar = {404: NoRoute.type, 429: "rate_limit_error"}
    UNSERVED: ClassVar = {400: InvalidRequest.type, 404: NoRoute.type}
    UNSERVED_STATUSES: ClassVar = {None, 400, 404, 405, 410}  # of a provider that does not serve a model

    def __init__(
        self,
        failures: Sequence[UpstreamError],
        refusals: Mapping[str, InvalidRequest] | None = None,
        *,
        retry_after: float | None = None,
    ) -> None:
        messages = "; ".join(dict.fromkeys(str(failure) for failure in failures))
        message = messages or "no provider key is available for this model at present"
        super().__init__(message, retry_after=retry_after)
        self.failures = tuple(failures)
        self.refusals = dict(refusals or {})
        statuses = {failure.upstream_status for failure in failures}
        shared = next(iter(statuses)) if len(statuses) == 1 else None
        is_unserved = bool(failures) and all(
            failure.fault is Fault.MODEL and failure.upstream_status in self.UNSERVED_STATUSES
            for failure in failures
        )
        types = self.UNSERVED if is_unserved else self.SHARED
        status = 404 if is_unserved and shared not in types else shared
        if status in types:
            self.status, self.type = status, types[status]
        if failures and all(failure.fault is Fault.HISTORY for failure in failures):
            self.headers["x-should-retry"] = "false"  # the SDKs repeat a 502 by default
