"""The three requests of `vaultedge demo`, over HTTP, and what is told of each: all of it measured or read."""

from __future__ import annotations

import json
import logging
import re
import textwrap
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

import httpx

from vaultcore.cli.color import Paint
from vaultcore.cli.terminal import Terminal
from vaultcore.wire import Json

WIDTH = 76
INDENT = "   "
WHY = {429: "too many requests", 503: "overloaded", None: "no answer"}


class Witness(logging.Handler):
    """Keeps the gateway's own log lines of attempts that failed."""

    def __init__(self) -> None:
        super().__init__()
        self.failed: list[Mapping[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        facts: Mapping[str, Any] = getattr(record, "facts", {})
        if record.getMessage() == "attempt":
            self.failed.append(facts)


@dataclass(frozen=True, slots=True)
class Story:
    """Asks a gateway and tells how it went."""

    terminal: Terminal
    paint: Paint
    url: str
    key: str = field(repr=False)
    witness: Witness

    def question(self, title: str, model: str, text: str) -> None:
        """A buffered answer: who gave it, after how many attempts, for how much."""
        self._open(title, model, text)
        self.witness.failed.clear()
        started = time.perf_counter()
        with self._client() as http:
            answer = http.post("/chat/completions", json=_request(model, text))
        took = time.perf_counter() - started
        answer.raise_for_status()
        for facts in self.witness.failed:
            self._tried(facts)
        headers = answer.headers
        served = f"{headers['x-vaultedge-provider']}/{headers['x-vaultedge-model']}"
        self._row(f"{served:<34}", self.paint.good(f"{answer.status_code}  answered"))
        self._paragraph(answer.json()["choices"][0]["message"]["content"])
        attempts = headers["x-vaultedge-attempts"]
        cost = headers.get("x-vaultedge-cost-usd", "an unknown price of")
        self._aside(
            f"{attempts} attempt{'s' if attempts != '1' else ''}, {_ms(took)} in all; "
            f"at list prices it costs {cost} usd"
        )

    def stream(self, title: str, model: str, text: str) -> None:
        """A streamed answer, shown as it comes."""
        self._open(title, model, text)
        self._say("")
        started, first, pieces = time.perf_counter(), 0.0, 0
        flow = Flow(self.terminal.stdout)
        with self._client() as http:
            for piece in _pieces(http, {**_request(model, text), "stream": True}):
                first = first or time.perf_counter() - started
                pieces += 1
                flow.write(piece)
        took = time.perf_counter() - started
        self._say("\n")
        self._aside(f"first words after {_ms(first)}, {pieces} pieces, {_ms(took)} in all")

    def _client(self) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def _open(self, title: str, model: str, text: str) -> None:
        self._say("")
        self._say(self.paint.bold(title))
        self._row("POST /v1/chat/completions", self.paint.dim(f"model {model}"))
        self._row("", self.paint.dim(f"“{text}”"))

    def _tried(self, facts: Mapping[str, Any]) -> None:
        status = facts.get("status")
        who = f"{facts['provider']}/{facts['model']}"
        what = f"{status or '—'}  {WHY.get(status, facts.get('fault', ''))}"
        detail = self.paint.dim(f"key {facts['key_id'][:4]}, {facts['ms']:.0f} ms")
        self._row(f"{who:<34}", f"{self.paint.bad(f'{what:<24}')}{detail}")

    def _row(self, left: str, right: str) -> None:
        self._say(f"{INDENT}{left:<34}{right}" if left else f"{INDENT}{right}")

    def _paragraph(self, text: str) -> None:
        self._say("")
        for line in textwrap.wrap(text, WIDTH):
            self._say(f"{INDENT}{line}")
        self._say("")

    def _aside(self, text: str) -> None:
        self._say(f"{INDENT}{self.paint.dim(text)}")

    def _say(self, text: str) -> None:
        self.terminal.say(text)


@dataclass(slots=True)
class Flow:
    """Wraps text at words, though it comes in pieces."""

    out: TextIO
    column: int = 0
    space: str = INDENT  # owed before the next word

    def write(self, piece: str) -> None:
        for part in re.findall(r"\s+|\S+", piece):
            if part.isspace():
                self.space = " "
                continue
            if self.column + len(part) >= WIDTH:
                self.space, self.column = f"\n{INDENT}", 0
            self.out.write(self.space + part)
            self.out.flush()
            self.column += len(part) + 1
            self.space = ""


def _request(model: str, text: str) -> Json:
    return {"model": model, "messages": [{"role": "user", "content": text}]}


def _pieces(http: httpx.Client, body: Json) -> Iterator[str]:
    with http.stream("POST", "/chat/completions", json=body) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            data = line.removeprefix("data: ")
            if not line or data == "[DONE]":
                continue
            for choice in json.loads(data)["choices"]:
                if content := choice["delta"].get("content"):
                    yield content


def _ms(seconds: float) -> str:
    return f"{seconds * 1_000:.0f} ms"
