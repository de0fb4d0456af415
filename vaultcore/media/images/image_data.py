"""Reads images of a provider's response: base64, URLs, and errors of a content filter."""

from __future__ import annotations

from vaultcore.dialects import ErrorDetail, StreamFault
from vaultcore.dialects.data_uri import is_data_uri
from vaultcore.wire import Json

CONTENT_FILTER_CODE = "content_policy_violation"  # OpenAI's error code


def image_from_base64(data: object) -> Json:
    """Return an image from base64 or a `data:` URL. Raises ValueError for anything else."""
    if not isinstance(data, str) or not data:
        raise ValueError("an image without data")
    if is_data_uri(data):
        data = data.partition(",")[2]
    return {"b64_json": data}


def image_from_url(url: object) -> Json:
    """Return an image at a web address. Raises ValueError for anything else."""
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise ValueError("an image without a URL")
    return {"url": url}


def content_filter_fault(reason: object) -> StreamFault:
    """Return the fault of a response without an image that the provider's content filter withheld.

    Its status is 400: the prompt has to change.
    """
    suffix = f": {reason}" if isinstance(reason, str) and reason else ""
    message = f"the provider's content filter withheld the image{suffix}"
    return StreamFault(ErrorDetail(message, CONTENT_FILTER_CODE, "prompt"), 400)
