"""Encodes ASGI response messages as the bytes of one Lambda response stream.

The format is a JSON prelude, eight NUL bytes, then the body.
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from vaultcore.lambda_runtime.asgi import Message

CONTENT_TYPE = "application/vnd.awslambda.http-integration-response"
DELIMITER = b"\0" * 8
MAX_PRELUDE = 16_384 - len(DELIMITER)  # bytes; API Gateway searches no further for the delimiter

# The platform frames the response; a content-length of ours would contradict its chunks.
FRAMING = frozenset(
    {"connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)


class ResponseEncoder:
    """Encodes one response, message by message.

    It delays the prelude until the first body byte, so that an earlier failure can still be reported as one.
    """

    def __init__(self) -> None:
        self._prelude: bytes | None = None
        self.started = False  # the application has sent http.response.start
        self.ended = False

    def feed(self, message: Message) -> bytes:
        """Return the bytes to send. Raise ValueError if the message is out of order."""
        match message["type"]:
            case "http.response.start" if not self.started:
                self._prelude = build_prelude(message["status"], message.get("headers", ()))
                self.started = True
                return b""
            case "http.response.body" if self.started and not self.ended:
                return self._body(message.get("body", b""), more=bool(message.get("more_body")))
            case unexpected:
                raise ValueError(f"the application sent {unexpected} out of order")

    def _body(self, data: bytes, *, more: bool) -> bytes:
        self.ended = not more
        if self._prelude is not None and (data or self.ended):
            data, self._prelude = self._prelude + data, None
        return data


def build_prelude(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return status and headers as the JSON prelude, with the delimiter.

    Raise ValueError if it exceeds MAX_PRELUDE bytes.
    """
    single: dict[str, str] = {}
    cookies: list[str] = []
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name == "set-cookie":
            cookies.append(value)
        elif name not in FRAMING:
            single[name] = f"{single[name]}, {value}" if name in single else value
    head: Mapping[str, Any] = {"statusCode": status, "headers": single}
    text = json.dumps({**head, "cookies": cookies} if cookies else head).encode()
    if len(text) > MAX_PRELUDE:
        raise ValueError(f"the response headers take {len(text)} bytes; the limit is {MAX_PRELUDE}")
    return text + DELIMITER
