"""Logs as JSON lines, metrics in the Embedded Metric Format, redaction, and W3C trace context."""

from vaultcore.telemetry.emf import Emf
from vaultcore.telemetry.log import LOGGER, NOISY_LOGGERS, JsonLines, Log, LogValue, configure
from vaultcore.telemetry.redaction import MAX_TEXT, REDACTED, redact
from vaultcore.telemetry.traceparent import Trace, parse_traceparent

__all__ = [
    "LOGGER",
    "MAX_TEXT",
    "NOISY_LOGGERS",
    "REDACTED",
    "Emf",
    "JsonLines",
    "Log",
    "LogValue",
    "Trace",
    "configure",
    "parse_traceparent",
    "redact",
]
