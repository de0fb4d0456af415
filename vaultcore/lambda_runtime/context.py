"""What an application may know of its invocation: the part of Lambda's context object that people use."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Context:
    """Stands in the scope as `aws.context`, under the names the managed runtime gives these facts."""

    aws_request_id: str
    invoked_function_arn: str = ""
    function_name: str = ""
    function_version: str = ""
    memory_limit_in_mb: str = ""
    log_group_name: str = ""
    log_stream_name: str = ""
    deadline: float = float("inf")  # seconds since 1970
    now: Callable[[], float] = time.time

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda stops the function, never less than 0."""
        left = self.deadline - self.now()
        return max(0, int(left * 1_000)) if left < MAX_SECONDS else MAX_SECONDS * 1_000


MAX_SECONDS = 900  # no function runs longer


def context(headers: Mapping[str, str], environ: Mapping[str, str]) -> Context:
    """What an invocation's headers (names in lower case) and the function's environment tell of it."""
    deadline = headers.get("lambda-runtime-deadline-ms", "")
    return Context(
        aws_request_id=headers["lambda-runtime-aws-request-id"],
        invoked_function_arn=headers.get("lambda-runtime-invoked-function-arn", ""),
        function_name=environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        function_version=environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        memory_limit_in_mb=environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""),
        log_group_name=environ.get("AWS_LAMBDA_LOG_GROUP_NAME", ""),
        log_stream_name=environ.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
        deadline=int(deadline) / 1_000 if deadline.isdecimal() else float("inf"),
    )
