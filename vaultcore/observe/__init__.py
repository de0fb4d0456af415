"""What may be said aloud, and how: redaction, one JSON log line per event, metrics, and who asked whom."""

from vaultcore.observe.emf import Emf
from vaultcore.observe.log import LOGGER, TALKATIVE, Fact, JsonLines, Log, configure
from vaultcore.observe.redaction import HIDDEN, MAX_TEXT, redact
from vaultcore.observe.trace import Trace, told_trace

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
