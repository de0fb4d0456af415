"""Every failure this package raises on purpose.

Two that no request sees, and the family that every request may meet:

    VaultError             the vault cannot be opened or changed
    ConfigError            a setting or a file of the operator's is not usable
    GatewayError           a request is refused or cannot be served; knows its HTTP status
      InvalidRequest       400  the client sent something we cannot act on
      Unauthorized         401  no key, or one that is not known here
      CreditsExhausted     402  prepaid money does not reach for it
      Forbidden            403  this key may not do that
      NoRoute              404  nothing here serves that model
      NotFound             404  nothing here answers at that path
      MethodNotAllowed     405
      TooLarge             413
      AlreadyRunning       409  another request with the same idempotency key is on its way
      KeyReused            409  an idempotency key that this request cannot be answered by
      UnsupportedMedia     415
      LimitExceeded        429  a rate, a quota or a budget
      StoreUnavailable     503  what is kept cannot be reached now
      VaultUnavailable     503  the vault cannot be reached now
      DeadlineExceeded     504
      UpstreamError        one attempt at one provider failed; its `fault` says whose doing that was
        StreamBroken       ... after its answer had begun
        OutOfTime          504  ... because the request's own time was over
      AttemptsExhausted    502  every attempt failed; carries them all
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import ClassVar


class VaultError(Exception):
    """The vault cannot be opened or changed. Carries no plaintext and no cause that does."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(Exception):
    """A setting, or a file of the operator's, is not usable; names the file, the line and the key."""

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, key: str | None = None
    ) -> None:
        place = ":".join(str(part) for part in (file, line) if part is not None)
        super().__init__(": ".join(part for part in (place, key, message) if part))
        self.file, self.line, self.key = file, line, key


class GatewayError(Exception):
    """A request that is refused or cannot be served."""

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
        self.param = param
        self.retry_after = retry_after
        self.headers: dict[str, str] = {}  # further ones of the answer
        if code is not None:
            self.code = code


class InvalidRequest(GatewayError):
    status, type, code = 400, "invalid_request_error", "invalid_value"


class Unauthorized(GatewayError):
    """One text for every reason, so that a refusal teaches nothing about which keys exist."""

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


class TooLarge(GatewayError):
    status, type, code = 413, "invalid_request_error", "request_too_large"


class AlreadyRunning(GatewayError):
    status, type, code = 409, "invalid_request_error", "idempotency_conflict"


class KeyReused(GatewayError):
    """Sending it again helps nobody: OpenAI's and Anthropic's clients do with a 409, unless they are told."""

    status, type, code = 409, "invalid_request_error", "idempotency_key_reused"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.headers["x-should-retry"] = "false"


class UnsupportedMedia(GatewayError):
    status, type, code = 415, "invalid_request_error", "unsupported_media_type"


class LimitExceeded(GatewayError):
    """A rate, unless told otherwise; what waiting does not bring back is of type insufficient_quota."""

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
    status, type, code = 503, "service_unavailable", "store_unavailable"


class VaultUnavailable(GatewayError):
    status, type, code = 503, "service_unavailable", "vault_unavailable"


class DeadlineExceeded(GatewayError):
    status, type, code = 504, "upstream_error", "deadline_exceeded"


class Fault(Enum):
    """Whose doing a failed attempt was: it decides what is tried next and what is rested."""

    REQUEST = "the request itself"
    KEY = "the provider key: refused, unpaid or forbidden"
    RATE = "the provider key's rate limit"
    MODEL = "the model: not served there"
    SIZE = "the request: longer than the model takes"
    HOST = "the provider: down, slow, or talking nonsense"


class UpstreamError(GatewayError):
    """One attempt at one provider failed.

    `upstream_status` is None where no answer came: refused, reset, timed out, cut mid-stream.
    `retry_after` is in seconds. The message is safe to show: redacted and capped where it was read.
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
    """A provider broke off after its answer had begun."""

    code = "stream_broken"


class OutOfTime(UpstreamError):
    """An attempt was stopped because the request's own time is over, whatever its provider might still do."""

    status, code = 504, "deadline_exceeded"
    begun = False  # its answer had


class AttemptsExhausted(GatewayError):
    """Every attempt failed. 502, except where all providers agree that it is 404 or 429.

    That a model is not served there, some say with a 400: if all do, it is one, else 404.
    """

    status, type, code = 502, "upstream_error", "all_providers_failed"

    AGREED: ClassVar = {404: NoRoute.type, 429: "rate_limit_error"}
    UNSERVED: ClassVar = {400: InvalidRequest.type, 404: NoRoute.type}

    def __init__(self, failures: Sequence[UpstreamError], *, retry_after: float | None = None) -> None:
        told = "; ".join(dict.fromkeys(str(failure) for failure in failures))
        super().__init__(told or "no provider key is available for this model now", retry_after=retry_after)
        self.failures = tuple(failures)
        statuses = {failure.upstream_status for failure in failures}
        agreed = statuses.pop() if len(statuses) == 1 else None
        unserved = {failure.fault for failure in failures} == {Fault.MODEL}
        known = self.UNSERVED if unserved else self.AGREED
        status = 404 if unserved and agreed not in known else agreed
        if status in known:
            self.status, self.type = status, known[status]
