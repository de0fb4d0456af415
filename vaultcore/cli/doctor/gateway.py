"""What `vaultedge doctor --stack` finds out from the gateway itself: its routes, and that it streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from vaultcore.cli.admin_client import LOOPBACK
from vaultcore.cli.doctor.findings import Finding, failed, ok, skipped
from vaultcore.vault.hidden import Hidden
from vaultcore.wire import Json

PATIENCE = httpx.Timeout(35.0, connect=5.0)  # seconds: API Gateway gives up after 29
LIVE = 60.0  # seconds that the streamed answer may take
APART = 0.02  # seconds between first and last token, at least: one piece arrives at once
QUESTION = "Count from 1 to 60, separated by blanks."
TOKENS = 300  # at most
CURES = {
    401: "a function that runs takes a new system key within five minutes; is --url this stack's gateway?",
    403: "a resource policy or a firewall in front of the API; is the URL the stack's BaseUrl?",
    404: "the URL must be the stack's BaseUrl, with its stage: --url https://HOST/STAGE/v1",
    429: "ThrottleRate and ThrottleBurst of the stack, or the key's own limits",
    502: "the function fails: sam logs --stack-name {stack} --name StreamFunction",
    503: "vaultedge vault push --stack {stack}; the function's log says what is missing",
    504: "the function does not answer in time: sam logs --stack-name {stack} --name StreamFunction",
}
OTHERWISE = "sam logs --stack-name {stack} --name StreamFunction has what happened"
UNREACHED = "the network, a proxy, or the domain's record; is it the stack's BaseUrl?"
BUFFERED = (
    "ResponseTransferMode of the routes in template.yaml must be RESPONSE_STREAM; a proxy may gather, too"
)


@dataclass(slots=True)
class Visit:
    """Asks the gateway at a base URL, with its system key where one is known."""

    base: str
    key: Hidden | None = field(repr=False)
    stack: str
    dates: list[str] = field(default_factory=list)  # of its answers

    async def look(self, *, live: bool, model: str | None, working: frozenset[str]) -> list[Finding]:
        """`working`: providers of which a key works, so that the streamed request goes to one of them."""
        root = self.base.strip().rstrip("/").removesuffix("/v1")
        parts = urlsplit(root)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            return [failed("url", "its URL is not https://", "--url https://HOST/STAGE/v1")]
        proxied = parts.scheme == "https"  # a proxy sees nothing of it
        async with httpx.AsyncClient(base_url=f"{root}/", timeout=PATIENCE, trust_env=proxied) as client:
            found = [await self._health(client)]
            if self.key is None:
                return [*found, skipped("models", "the system key is not known")]
            client.headers["authorization"] = f"Bearer {self.key}"
            models, finding = await self._models(client)
            found.append(finding)
            if not live:
                return [*found, skipped("stream", "--live streams one short answer")]
            chosen = model or cheapest(models, working)
            if chosen is None:
                return [*found, skipped("stream", "no model is served whose provider has a key that works")]
            return [*found, await self._stream(client, chosen)]

    async def _health(self, client: httpx.AsyncClient) -> Finding:
        began = _now()
        body, refusal = await self._get(client, "health", "url")
        if refusal is not None:
            return refusal
        if body.get("status") != "ok":
            return failed("url", "what answers there is no gateway", CURES[404])
        return ok("url", f"{client.base_url} answers ({(_now() - began) * 1_000:.0f} ms)")

    async def _models(self, client: httpx.AsyncClient) -> tuple[list[Json], Finding]:
        body, refusal = await self._get(client, "v1/models", "models")
        if refusal is not None:
            return [], refusal
        rows = body.get("data")
        models = [each for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []
        if not models:
            return [], failed(
                "models", "none is served", "the vault's keys, and the overlay of the functions"
            )
        return models, ok("models", f"{len(models)} are served to the system key")

    async def _get(self, client: httpx.AsyncClient, path: str, check: str) -> tuple[Json, Finding | None]:
        try:
            answer = await client.get(path)
        except httpx.HTTPError as error:
            return {}, failed(check, f"no answer: {type(error).__name__}", UNREACHED)
        self.dates += filter(None, [answer.headers.get("date")])
        if not answer.is_success:
            return {}, self._refused(check, answer.status_code)
        try:
            body = answer.json()
        except ValueError:
            body = None
        return (body, None) if isinstance(body, dict) else ({}, failed(check, "no JSON", CURES[404]))

    def _refused(self, check: str, status: int) -> Finding:
        return failed(check, f"answered with {status}", CURES.get(status, OTHERWISE).format(stack=self.stack))

    async def _stream(self, client: httpx.AsyncClient, model: str) -> Finding:
        """Whether the first token came before the last: both times are told."""
        body = {
            "model": model,
            "messages": [{"role": "user", "content": QUESTION}],
            "max_tokens": TOKENS,
            "stream": True,
        }
        began, times = _now(), list[float]()
        try:
            async with (
                asyncio.timeout(LIVE),
                client.stream("POST", "v1/chat/completions", json=body, timeout=LIVE) as answer,
            ):
                if not answer.is_success:
                    return self._refused("stream", answer.status_code)
                async for chunk in _chunks(answer):
                    if "error" in chunk:
                        return failed("stream", f"{model} broke off", OTHERWISE.format(stack=self.stack))
                    if _says(chunk):
                        times.append(_now() - began)
        except (TimeoutError, httpx.HTTPError) as error:
            return failed("stream", f"{model}: {type(error).__name__}", OTHERWISE.format(stack=self.stack))
        if len(times) < 2:
            return failed("stream", f"{model} said too little to tell", "--model names another one")
        told = f"{model}: first token after {times[0]:.2f} s, last after {times[-1]:.2f} s"
        if times[-1] - times[0] < APART:
            return failed("stream", f"{told}: it came in one piece", BUFFERED)
        return ok("stream", told)


def cheapest(models: list[Json], working: frozenset[str]) -> str | None:
    """The text model of which a token costs least, of those that a provider serves whose key works."""
    served = [each for each in models if each.get("type") == "text" and working & set(each["providers"])]
    return min(served, key=_price, default={}).get("id")


def _price(model: Json) -> tuple[float, str]:
    try:
        return float(model["pricing"]["output"]), model["id"]
    except (KeyError, TypeError, ValueError):
        return float("inf"), model["id"]


async def _chunks(answer: httpx.Response) -> AsyncIterator[Json]:
    """The objects of a stream of events, as they come."""
    async for line in answer.aiter_lines():
        if not line.startswith("data:") or line == "data: [DONE]":
            continue
        try:
            chunk = json.loads(line.removeprefix("data:"))
        except ValueError:
            continue
        if isinstance(chunk, dict):
            yield chunk


def _says(chunk: Json) -> bool:
    choices: list[Any] = chunk.get("choices") or []
    return any((each.get("delta") or {}).get("content") for each in choices)


def _now() -> float:
    return asyncio.get_running_loop().time()
