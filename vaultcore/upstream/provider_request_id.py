"""The id that a provider gives a request. Its support asks for it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vaultcore.telemetry import redact

HEADERS = ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id", "x-generation-id", "cf-ray")
_ID = re.compile(r"[\w.:/=+-]{1,128}", re.ASCII)


def provider_request_id(headers: Mapping[str, str], key: str) -> str | None:
    """Return the id from the first header that has one, or None; never a value that shows the key.

    Header names are in lower case.
    """
    for name in HEADERS:
        value = headers.get(name, "")
        if _ID.fullmatch(value) and redact(value, key) == value:
            return value
    return None
