"""What may be said aloud, and how: redaction, one JSON log line per event, metrics, and who asked whom."""

from vaultcore.telemetry.emf import Emf
from vaultcore.telemetry.log import LOGGER, TALKATIVE, Fact, JsonLines, Log, configure
from vaultcore.telemetry.redaction import HIDDEN, MAX_TEXT, redact
from vaultcore.telemetry.traceparent import Trace, told_trace

__all__ = [
    "HIDDEN",
    "LOGGER",
    "MAX_TEXT",
    "TALKATIVE",
    "Emf",
    "Fact",
    "JsonLines",
    "Log",
    "Trace",
    "configure",
    "redact",
    "told_trace",
]
