"""A fake OpenTelemetry collector over real HTTP. It validates and parses OTLP JSON.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Json = dict[str, Any]
TRACE, SPAN, TIME = (re.compile(pattern) for pattern in (r"[0-9a-f]{32}", r"[0-9a-f]{16}", r"\d{1,20}"))
FIELDS = {
    "traceId",
    "spanId",
    "parentSpanId",
    "name",
    "kind",
    "startTimeUnixNano",
    "endTimeUnixNano",
    "attributes",
    "status",
}


@dataclass(frozen=True)
class Span:
    """One span, with its attributes by name."""

    trace: str
    id: str
    parent: str
    name: str
    kind: int
    started: int  # nanoseconds since the epoch
    ended: int  # nanoseconds since the epoch
    attributes: dict[str, Any]
    failed: bool


@dataclass
class Collector:
    """Responds to POSTs with `status`; with `hangs` it does not respond until it is closed."""

    status: int = 200
    hangs: bool = False
    posts: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    resource: dict[str, Any] = field(default_factory=dict)
    received: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def receive(self, path: str, headers: dict[str, str], body: bytes) -> int:
        if self.hangs:
            self._closing.wait(20)
        self.posts.append(body)
        self.headers.append(headers)
        if path != "/v1/traces" or headers.get("content-type") != "application/json":
            return 404
        if self.status == 200:
            self.spans += self._read(json.loads(body))
            self.received.set()
        return self.status

    def _read(self, body: Json) -> list[Span]:
        spans = []
        for resource in body["resourceSpans"]:
            self.resource = _parse_attributes(resource["resource"]["attributes"])
            for scope in resource["scopeSpans"]:
                assert scope["scope"]["name"] == "vaultedge"
                spans += [_parse_span(span) for span in scope["spans"]]
        return spans


def _parse_span(span: Json) -> Span:
    assert set(span) <= FIELDS, set(span) - FIELDS
    assert TRACE.fullmatch(span["traceId"]), span
    assert SPAN.fullmatch(span["spanId"]), span
    assert int(span["traceId"], 16)
    assert int(span["spanId"], 16)
    assert TIME.fullmatch(span["startTimeUnixNano"])
    assert TIME.fullmatch(span["endTimeUnixNano"])
    assert set(span["status"]) <= {"code"}
    return Span(
        span["traceId"],
        span["spanId"],
        span.get("parentSpanId", ""),
        span["name"],
        span["kind"],
        int(span["startTimeUnixNano"]),
        int(span["endTimeUnixNano"]),
        _parse_attributes(span["attributes"]),
        span["status"].get("code") == 2,
    )


def _parse_attributes(attributes: list[Json]) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    for attribute in attributes:
        assert set(attribute) == {"key", "value"}
        ((kind, value),) = attribute["value"].items()
        assert attribute["key"] not in parsed, "attribute names must be unique"
        match kind:
            case "intValue":
                parsed[attribute["key"]] = int(value)
                assert isinstance(value, str)
            case "doubleValue" | "boolValue" | "stringValue":
                parsed[attribute["key"]] = value
            case _:
                raise AssertionError(kind)
    return parsed


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = collector.receive(self.path, headers, body)
            self.send_response(status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            return

    return Handler
