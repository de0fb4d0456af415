"""An application's answer as the bytes of one Lambda response stream.

A prelude in JSON, eight NUL bytes, then the body as it comes.
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from vaultcore.lambda_runtime.asgi import Message

CONTENT_TYPE = "application/vnd.awslambda.http-integration-response"
DELIMITER = b"\0" * 8
MAX_PRELUDE = 16_384 - len(DELIMITER)  # API Gateway looks no further for the delimiter

# How the answer is framed is the platform's affair; a length of ours would contradict its chunks.
FRAMING = frozenset(
    {"connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)


class Answer:
    """One answer, fed message by message.

    The prelude is held until a body follows it: a failure before the first byte can still be told as one.
    """

    def __init__(self) -> None:
        self._prelude: bytes | None = None
        self.started = False  # the application has named a status
        self.begun = False  # bytes of it have been given out
        self.ended = False

    def feed(self, message: Message) -> bytes:
        """The bytes to send on. Raises ValueError at a message that is out of order."""
        match message["type"]:
            case "http.response.start" if not self.started:
                self._prelude = prelude(message["status"], message.get("headers", ()))
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
        self.begun = self.begun or bool(data)
        return data


def prelude(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Status and headers as the platform wants them, delimiter included."""
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
        raise ValueError(f"the answer's headers take {len(text)} bytes; {MAX_PRELUDE} is all there is")
    return text + DELIMITER
