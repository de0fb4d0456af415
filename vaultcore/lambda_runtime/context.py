"""The context of one invocation: the part of Lambda's context object that applications use."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from vaultcore.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class InvocationContext:
    """Passed in the ASGI scope as `aws.context`, with the field names of the managed runtime's context.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    aws_request_id: str
    invoked_function_arn: str = ""
    function_name: str = ""
    function_version: str = ""
    memory_limit_in_mb: str = ""
    log_group_name: str = ""
    log_stream_name: str = ""
    deadline: float = float("inf")  # seconds since the epoch
    now: Callable[[], float] = time.time

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda stops the function, at least 0."""
        remaining = self.deadline - self.now()  # seconds
        return max(0, int(remaining * 1_000)) if remaining < MAX_SECONDS else MAX_SECONDS * 1_000


MAX_SECONDS = 900  # Lambda's maximum timeout


def build_context(headers: Mapping[str, str], environ: Mapping[str, str]) -> InvocationContext:
    """Return the context from an invocation's headers (lower-case names) and the function's environment."""
    deadline = headers.get("lambda-runtime-deadline-ms", "")
    return InvocationContext(
        aws_request_id=headers["lambda-runtime-aws-request-id"],
        invoked_function_arn=headers.get("lambda-runtime-invoked-function-arn", ""),
        function_name=environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        function_version=environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        memory_limit_in_mb=environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""),
        log_group_name=environ.get("AWS_LAMBDA_LOG_GROUP_NAME", ""),
        log_stream_name=environ.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
        deadline=int(deadline) / 1_000 if deadline.isdecimal() else float("inf"),
    )
