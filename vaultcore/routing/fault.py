"""Classifies the fault of a failed attempt, and decides what the attempt loop does next.

The HTTP status and the provider's error code decide, never the message text.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from vaultcore.errors import Fault


class NextStep(Enum):
    """The next step of the attempt loop after a failure."""

    NEXT_KEY = "another key of the same target"
    NEXT_TARGET = "another target; this one again after a pause"
    DROP_TARGET = "another target; never this one again"
    RETRY_ONCE = "another target; this one again at most once"
    LARGER_TARGET = "a target whose model has a larger context window"
    GIVE_UP = "nothing: the request itself is at fault"


NEXT_STEP: Mapping[Fault, NextStep] = {
    Fault.REQUEST: NextStep.GIVE_UP,
    Fault.KEY: NextStep.NEXT_KEY,
    Fault.RATE: NextStep.NEXT_KEY,
    Fault.MODEL: NextStep.DROP_TARGET,
    Fault.SIZE: NextStep.LARGER_TARGET,
    Fault.HOST: NextStep.NEXT_TARGET,
    Fault.OUTPUT: NextStep.RETRY_ONCE,
    Fault.HISTORY: NextStep.DROP_TARGET,
}

_BY_STATUS: Mapping[int, Fault] = {
    401: Fault.KEY,
    402: Fault.KEY,
    403: Fault.KEY,
    404: Fault.MODEL,
    405: Fault.MODEL,
    408: Fault.HOST,
    409: Fault.HOST,
    424: Fault.HOST,
    425: Fault.HOST,
    429: Fault.RATE,
    501: Fault.MODEL,
}

# Error codes that are more specific than the status they arrive with, in lower case.
_KEY_CODES = frozenset(
    {
        "account_deactivated",
        "api_key_invalid",
        "authentication_error",
        "billing_error",
        "billing_hard_limit_reached",
        "billing_not_active",
        "credits_exhausted",
        "insufficient_balance",
        "insufficient_quota",
        "invalid_api_key",
        "permission_denied",
        "permission_error",
        "unauthenticated",
        # AWS
        "accessdeniedexception",
        "expiredtokenexception",
        "incompletesignatureexception",
        "invalidsignatureexception",
        "missingauthenticationtokenexception",
        "notauthorized",
        "optinrequired",
        "unrecognizedclientexception",
    }
)
_RATE_CODES = frozenset(
    {
        "rate_limit_error",
        "rate_limit_exceeded",
        "requests",
        "resource_exhausted",
        "tokens",
        "too_many_requests",
        # AWS
        "modelnotreadyexception",
        "servicequotaexceededexception",
        "throttlingexception",
    }
)
_MODEL_CODES = frozenset({"model_not_found", "not_found_error"})
_NOT_SERVED_CODES = frozenset({"model_decommissioned", "model_not_found"})
_SIZE_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error"})
_REQUEST_CODES = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "invalid_argument",
        "invalid_request_error",
        "request_too_large",
        "string_above_max_length",
    }
)
# Reasons for which a model ends its response, if the response has no output.
_OUTPUT_CODES = frozenset(
    {
        "malformed_function_call",
        "malformed_response",
        "unexpected_tool_call",
        # AWS
        "malformed_model_output",
        "malformed_tool_use",
    }
)
_HISTORY_CODES = frozenset({"missing_thought_signature", "too_many_tool_calls"})
# Errors about the conversation that a request continues; the client sends it again in another form.
_CONVERSATION_CODES = frozenset(
    {
        "thread_already_continued",
        "thread_continue_in_flight",
        "thread_not_found",
        "thread_unsupported_request",
    }
)
_BY_CODE: Mapping[int | None, tuple[tuple[frozenset[str], Fault], ...]] = {
    400: (
        (_KEY_CODES, Fault.KEY),
        (_RATE_CODES, Fault.RATE),
        (_NOT_SERVED_CODES, Fault.MODEL),
        (_SIZE_CODES, Fault.SIZE),
    ),
    413: ((_SIZE_CODES, Fault.SIZE),),
    429: ((_KEY_CODES, Fault.KEY),),
    None: (
        (_KEY_CODES, Fault.KEY),
        (_RATE_CODES, Fault.RATE),
        (_MODEL_CODES, Fault.MODEL),
        (_SIZE_CODES, Fault.SIZE),
        (_REQUEST_CODES, Fault.REQUEST),
        (_OUTPUT_CODES, Fault.OUTPUT),
        (_HISTORY_CODES, Fault.HISTORY),
    ),
}


def classify_fault(status: int | None, code: str | None) -> Fault:
    """Return the kind of fault for an upstream status and the provider's error code.

    `status` is None if no response arrived, or if a stream reported an error event.
    """
    if code is not None:
        if code.lower() in _CONVERSATION_CODES:
            return Fault.REQUEST
        for codes, kind in _BY_CODE.get(status, ()):
            if code.lower() in codes:
                return kind
    if status is None:
        return Fault.HOST
    return _BY_STATUS.get(status, Fault.REQUEST if 400 <= status < 500 else Fault.HOST)
