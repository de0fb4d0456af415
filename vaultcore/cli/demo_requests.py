"""The three HTTP requests of `vaultedge demo` and what it prints about them, all measured or logged."""

from __future__ import annotations

import json
import logging
import re
import textwrap
import time
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any, TextIO

import httpx

from vaultcore.cli.terminal import Terminal
from vaultcore.cli.text_style import TextStyle
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

WIDTH = 76
INDENT = "   "
REASONS = {429: "too many requests", 503: "overloaded", None: "no response"}


class AttemptRecorder(logging.Handler):
    """A log handler that collects the gateway's log lines of failed attempts."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts: list[Mapping[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        facts: Mapping[str, Any] = getattr(record, "fields", {})
        if record.getMessage() == "attempt":
            self.attempts.append(facts)


@dataclass(frozen=True, slots=True)
class DemoClient:
    """Sends requests to the gateway and prints the results."""

    terminal: Terminal
    style: TextStyle
    url: str
    key: str = field(repr=False)
    recorder: AttemptRecorder

    def send(self, title: str, model: str, text: str) -> None:
        """Send a buffered request; print its attempts, provider, response and cost."""
        self._print_heading(title, model, text)
        self.recorder.attempts.clear()
        started = time.perf_counter()
        with self._client() as http:
            response = http.post("/chat/completions", json=_request(model, text))
        elapsed = time.perf_counter() - started
        response.raise_for_status()
        for facts in self.recorder.attempts:
            self._print_attempt(facts)
        headers = response.headers
        target = f"{headers['x-vaultedge-provider']}/{headers['x-vaultedge-model']}"
        self._row(f"{target:<34}", self.style.green(f"{response.status_code}  ok"))
        self._paragraph(response.json()["choices"][0]["message"]["content"])
        attempts = headers["x-vaultedge-attempts"]
        cost = headers.get("x-vaultedge-cost-usd")
        price = "unknown cost" if cost is None else f"{cost} USD at list prices"
        self._aside(f"{attempts} attempt{'s' if attempts != '1' else ''}, {_ms(elapsed)} in total; {price}")

    def stream(self, title: str, model: str, text: str) -> None:
        """Send a streamed request and print its text as it arrives."""
        self._print_heading(title, model, text)
        self._say("")
        started, first, chunks = time.perf_counter(), 0.0, 0
        wrapper = WordWrapper(self.terminal.stdout)
        with self._client() as http:
            for text_delta in _stream_text(http, {**_request(model, text), "stream": True}):
                first = first or time.perf_counter() - started
                chunks += 1
                wrapper.write(text_delta)
        elapsed = time.perf_counter() - started
        self._say("\n")
        self._aside(f"first token after {_ms(first)}, {chunks} chunks, {_ms(elapsed)} in total")

    def _client(self) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def _print_heading(self, title: str, model: str, text: str) -> None:
        self._say("")
        self._say(self.style.bold(title))
        self._row("POST /v1/chat/completions", self.style.dim(f"model {model}"))
        self._row("", self.style.dim(f"“{text}”"))

    def _print_attempt(self, facts: Mapping[str, Any]) -> None:
        status = facts.get("status")
        target = f"{facts['provider']}/{facts['model']}"
        failure = f"{status or '—'}  {REASONS.get(status, facts.get('fault', ''))}"
        detail = self.style.dim(f"key {facts['key_id'][:4]}, {facts['ms']:.0f} ms")
        self._row(f"{target:<34}", f"{self.style.yellow(f'{failure:<24}')}{detail}")

    def _row(self, label: str, text: str) -> None:
        self._say(f"{INDENT}{label:<34}{text}" if label else f"{INDENT}{text}")

    def _paragraph(self, text: str) -> None:
        self._say("")
        for line in textwrap.wrap(text, WIDTH):
            self._say(f"{INDENT}{line}")
        self._say("")

    def _aside(self, text: str) -> None:
        self._say(f"{INDENT}{self.style.dim(text)}")

    def _say(self, text: str) -> None:
        self.terminal.say(text)


@dataclass(slots=True)
class WordWrapper:
    """Wraps streamed text at word boundaries."""

    out: TextIO
    column: int = 0
    space: str = INDENT  # to be written before the next word

    def write(self, text: str) -> None:
        for part in re.findall(r"\s+|\S+", text):
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


def _stream_text(http: httpx.Client, body: Json) -> Iterator[str]:
    with http.stream("POST", "/chat/completions", json=body) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            data = line.removeprefix("data: ")
            if not line or data == "[DONE]":
                continue
            for choice in json.loads(data)["choices"]:
                if content := choice["delta"].get("content"):
                    yield content


def _ms(seconds: float) -> str:
    return f"{seconds * 1_000:.0f} ms"
