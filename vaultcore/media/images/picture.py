"""One picture of an answer: its bytes in base64, or where it lies."""

from __future__ import annotations

from vaultcore.wire import Json


def drawn(data: object) -> Json:
    """A picture of base64, or of a `data:` URI; ValueError where it is neither."""
    if not isinstance(data, str) or not data:
        raise ValueError("a picture without data")
    if data.startswith("data:"):
        data = data.partition(",")[2]
    return {"b64_json": data}


def linked(url: object) -> Json:
    """A picture at a web address; ValueError where it is none."""
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise ValueError("a picture without an address")
    return {"url": url}
