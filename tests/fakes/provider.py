"""A scripted fake provider on real sockets, which can respond and fail in many ways.

    with FakeProvider() as provider:
        provider.script("gpt-4o", Answer(status=429, headers={"retry-after": "1"}), Answer(text="hello"))
        ...                       # call provider.base_url
        assert [request.model for request in provider.requests] == ["gpt-4o", "gpt-4o"]

It serves OpenAI chat completions at `/v1/chat/completions` and Anthropic Messages at `/v1/messages`, streamed
and buffered. A script belongs to a model or to a key; the key's takes precedence. The last response of a
script repeats. Error bodies quote the key of the request, as some providers do.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

Json = dict[str, Any]
Cut = Literal["before", "headers", "middle"]


@dataclass(frozen=True, slots=True)
class FakeResponse:
    """One scripted response: `body`, or a completion, or an error with this status."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None  # sent as it is
    content_type: str | None = None
    text: str = "Hello from a fake provider."
    code: str | None = None  # of an error body
    delay: float = 0.0  # seconds before the first byte
    pause: float = 0.0  # seconds between two events
    hang: bool = False  # never respond
    stall: int | None = None  # of a stream: pause forever after this many events
    cut: Cut | None = None  # close the connection at this point
    after: int = 3  # events of a stream before a cut in the middle
    fade: bool = False  # of a stream: end it properly after `after` events
    reset: bool = False  # cut with RST instead of FIN
    stale: bool = False  # close a reused connection without a response
    error_event: Json | None = None  # of a stream: send this event after `after` events, then end
    linger: bool = False  # of a stream: never end it after the last event
    pings: int = 0  # of a stream: SSE comments before the first event, `pause` apart
    ignore_stream: bool = False  # respond to a stream request with a JSON body
    usage: tuple[int, int] = (7, 5)


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One received request."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes
    at: float
    connection: int

    @property
    def body(self) -> Json:
        body = json.loads(self.raw or b"{}")
        assert isinstance(body, dict)
        return body

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def key(self) -> str:
        return self.headers.get("x-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")


class FakeProvider:
    """A server in its own thread, on a free loopback port."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[ReceivedRequest] = []
        self.connections = 0
        self._tls = tls
        self._scripts: dict[str, list[FakeResponse]] = {}
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.Task[None]] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        # asyncio sets it only for IPPROTO_TCP sockets; without it, reused connections wait 40 ms.
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._done = asyncio.Event()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def base_url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1"

    def script(self, name: str, *answers: FakeResponse) -> None:
        """Set the responses for a model or a key; the last one repeats."""
        self._scripts[name] = list(answers)

    def calls(self, model: str) -> int:
        return sum(request.model == model for request in self.requests)

    def hang_up(self) -> None:
        """Close every open connection, as a restarting provider does."""
        asyncio.run_coroutine_threadsafe(self._drop_all(), self._loop).result(5)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(10)

    def _run(self) -> None:
        # At its end the runner cancels what is pending, such as connections that were just being accepted.
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(
            self._connected, sock=self._listener, backlog=512, limit=1 << 26, ssl=self._tls
        )
        async with server:
            await self._done.wait()
            await self._drop_all()

    async def _drop_all(self) -> None:
        tasks = tuple(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.connections += 1
        try:
            await _Connection(self, reader, writer, self.connections).serve()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError, _HungUp):
            pass  # the client disconnected, the script closed the connection, or the test ended
        finally:
            self._open.discard(task)
            writer.transport.abort() if writer.transport.is_closing() else writer.close()

    def receive(self, request: ReceivedRequest) -> FakeResponse:
        self.requests.append(request)
        for name in (request.key, request.model):
            if script := self._scripts.get(name):
                return script.pop(0) if len(script) > 1 else script[0]
        return FakeResponse()


class _HungUp(Exception):
    """The script closed the connection."""


class _Connection:
    def __init__(
        self, provider: FakeProvider, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self.provider, self.reader, self.writer, self.number = provider, reader, writer, number
        self.served = 0

    async def serve(self) -> None:
        while (request := await self.receive()) is not None:
            await self.answer(request, self.provider.receive(request))
            self.served += 1

    async def receive(self) -> ReceivedRequest | None:
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        raw = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return ReceivedRequest(method, path, headers, raw, time.monotonic(), self.number)

    async def answer(self, request: ReceivedRequest, answer: FakeResponse) -> None:
        if answer.hang:
            await asyncio.sleep(3_600)
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.cut == "before" or (answer.stale and self.served):
            self.hang_up(answer)
        if (
            answer.status == 200
            and answer.body is None
            and request.body.get("stream")
            and not answer.ignore_stream
        ):
            await self.stream(request, answer)
        else:
            await self.whole(request, answer)

    async def whole(self, request: ReceivedRequest, answer: FakeResponse) -> None:
        body = answer.body if answer.body is not None else json.dumps(_body(request, answer)).encode()
        kind = answer.content_type or "application/json"
        self.head(answer, {"content-type": kind, "content-length": str(len(body))})
        if answer.cut == "headers":
            await self.writer.drain()
            self.hang_up(answer)
        if answer.cut == "middle":
            self.writer.write(body[: len(body) // 2])
            await self.writer.drain()
            self.hang_up(answer)
        self.writer.write(body)
        await self.writer.drain()

    async def stream(self, request: ReceivedRequest, answer: FakeResponse) -> None:
        kind = answer.content_type or "text/event-stream"
        self.head(answer, {"content-type": kind, "transfer-encoding": "chunked"})
        if answer.cut == "headers":
            await self.writer.drain()
            self.hang_up(answer)
        for _ in range(answer.pings):
            await self.write_chunk(b": ping\n\n", answer)
        for number, event in enumerate(_events(request, answer)):
            if number == answer.stall:
                await asyncio.sleep(3_600)
            if number == answer.after and answer.cut == "middle":
                self.hang_up(answer)
            if number == answer.after and answer.fade:
                break
            if number == answer.after and answer.error_event is not None:
                await self.write_chunk(
                    _sse(answer.error_event, "error" if "messages" in request.path else ""), answer
                )
                break
            await self.write_chunk(event, answer)
        if answer.linger:
            await asyncio.sleep(3_600)
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def write_chunk(self, data: bytes, answer: FakeResponse) -> None:
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self.writer.drain()
        if answer.pause:
            await asyncio.sleep(answer.pause)

    def head(self, answer: FakeResponse, fields: dict[str, str]) -> None:
        lines = [f"{name}: {value}\r\n" for name, value in {**fields, **answer.headers}.items()]
        self.writer.write(f"HTTP/1.1 {answer.status} Scripted\r\n{''.join(lines)}\r\n".encode("latin-1"))

    def hang_up(self, answer: FakeResponse) -> None:
        if answer.reset:
            raw = self.writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise _HungUp


def _body(request: ReceivedRequest, answer: FakeResponse) -> Json:
    anthropic = "messages" in request.path
    if answer.status >= 300:
        message = f"Incorrect API key provided: {request.key} (scripted {answer.status})"
        error = {"type": answer.code or "scripted_error", "message": message}
        return {"type": "error", "error": error} if anthropic else {"error": {**error, "code": answer.code}}
    return _message(request, answer) if anthropic else _completion(request, answer)


def _completion(request: ReceivedRequest, answer: FakeResponse) -> Json:
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": request.model,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": answer.text}, "finish_reason": "stop"}
        ],
        "usage": _openai_usage(answer),
    }


def _openai_usage(answer: FakeResponse) -> Json:
    prompt, completion = answer.usage
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _message(request: ReceivedRequest, answer: FakeResponse) -> Json:
    prompt, completion = answer.usage
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": [{"type": "text", "text": answer.text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": prompt, "output_tokens": completion},
    }


def _events(request: ReceivedRequest, answer: FakeResponse) -> Iterable[bytes]:
    return (
        _anthropic_events(request, answer) if "messages" in request.path else _openai_events(request, answer)
    )


def _openai_events(request: ReceivedRequest, answer: FakeResponse) -> Iterator[bytes]:
    head = {
        "id": "chatcmpl-fake",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": request.model,
    }
    deltas: list[Json] = [
        {"role": "assistant", "content": ""},
        *({"content": word} for word in _words(answer)),
    ]
    for delta in deltas:
        yield _sse({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _sse({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if (request.body.get("stream_options") or {}).get("include_usage"):
        yield _sse({**head, "choices": [], "usage": _openai_usage(answer)})
    yield b"data: [DONE]\n\n"


def _anthropic_events(request: ReceivedRequest, answer: FakeResponse) -> Iterator[bytes]:
    start = {**_message(request, answer), "content": [], "stop_reason": None}
    start["usage"] = {"input_tokens": answer.usage[0], "output_tokens": 1}
    block: Json = {"index": 0, "content_block": {"type": "text", "text": ""}}
    yield _named("message_start", {"message": start})
    yield _named("content_block_start", block)
    for word in _words(answer):
        yield _named("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": word}})
    yield _named("content_block_stop", {"index": 0})
    delta: Json = {"stop_reason": "end_turn", "stop_sequence": None}
    yield _named("message_delta", {"delta": delta, "usage": {"output_tokens": answer.usage[1]}})
    yield _named("message_stop", {})


def _words(answer: FakeResponse) -> list[str]:
    return [word + " " for word in answer.text.split(" ")[:-1]] + answer.text.split(" ")[-1:]


def _named(name: str, fields: Json) -> bytes:
    return _sse({"type": name, **fields}, name)


def _sse(body: Json, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(body)}\n\n".encode()


@contextmanager
def closed_port() -> Iterator[str]:
    """Yield a base URL whose port refuses connections: it is bound but does not listen."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/v1"


@contextmanager
def unreachable_port() -> Iterator[str]:
    """Yield a base URL where connecting never completes: the listener's queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        callers = [socket.socket() for _ in range(4)]
        try:
            for caller in callers:
                caller.setblocking(False)
                caller.connect_ex(listener.getsockname())
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            for caller in callers:
                caller.close()
