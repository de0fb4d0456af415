"""The id that a provider gave a request of ours: what its support asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vaultcore.telemetry import redact

HEADERS = ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id", "x-generation-id", "cf-ray")
_ID = re.compile(r"[\w.:/=+-]{1,128}", re.ASCII)


def trace(headers: Mapping[str, str], key: str) -> str | None:
    """The first of the headers, all in lower case, that holds an id; never one that shows the key."""
    for name in HEADERS:
        told = headers.get(name, "")
        if _ID.fullmatch(told) and redact(told, key) == told:
            return told
    return None
