"""Checks of `vaultedge doctor --stack` against the gateway itself: health, models and streaming."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import field
from typing import Any
from urllib.parse import urlsplit

import httpx

from vaultcore.cli.admin_client import LOOPBACK
from vaultcore.cli.doctor.results import CheckResult, failed, ok, skipped
from vaultcore.lazy_dataclass import dataclass
from vaultcore.vault.secret_text import SecretText
from vaultcore.wire import Json

TIMEOUT = httpx.Timeout(35.0, connect=5.0)  # seconds; API Gateway times out after 29
STREAM_TIMEOUT = 60.0  # seconds for the streamed response
MIN_SPREAD = 0.02  # seconds between first and last token; a buffered response has all at once
PROMPT = "Count from 1 to 60, separated by blanks."
MAX_TOKENS = 300
FIXES = {
    401: "check that --url is this stack's gateway; functions load a new system key within five minutes",
    403: "check that the URL is the stack's BaseUrl, and check resource policies and firewalls",
    404: "use the stack's BaseUrl with its stage: --url https://HOST/STAGE/v1",
    429: "check the stack's ThrottleRate and ThrottleBurst, and the key's limits",
    502: "the function failed, see sam logs --stack-name {stack} --name StreamFunction",
    503: "run vaultedge vault push --stack {stack}; the function's log says what is missing",
    504: "the function timed out, see sam logs --stack-name {stack} --name StreamFunction",
}
DEFAULT_FIX = "see sam logs --stack-name {stack} --name StreamFunction"
UNREACHABLE_FIX = (
    "check the network, the proxy and the domain's DNS record, and that the URL is the stack's BaseUrl"
)
BUFFERED_FIX = (
    "set ResponseTransferMode of the routes in template.yaml to RESPONSE_STREAM; a proxy may also buffer"
)


@dataclass(slots=True)
class GatewayChecks:
    """Calls the gateway at a base URL, with the system key if it is known."""

    base: str
    key: SecretText | None = field(repr=False)
    stack: str
    dates: list[str] = field(default_factory=list)  # Date headers of the responses

    async def run(self, *, live: bool, model: str | None, working: frozenset[str]) -> list[CheckResult]:
        """Run the checks. The streamed request uses one of the `working` providers."""
        root = self.base.strip().rstrip("/").removesuffix("/v1")
        parts = urlsplit(root)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            return [failed("url", "the URL is not https", "set --url https://HOST/STAGE/v1")]
        use_proxy = parts.scheme == "https"  # over plain http a proxy would see the key
        async with httpx.AsyncClient(base_url=f"{root}/", timeout=TIMEOUT, trust_env=use_proxy) as client:
            results = [await self._check_health(client)]
            if self.key is None:
                return [*results, skipped("models", "the system key is unknown")]
            client.headers["authorization"] = f"Bearer {self.key}"
            models, result = await self._check_models(client)
            results.append(result)
            if not live:
                return [*results, skipped("stream", "use --live to test streaming")]
            chosen = model or cheapest(models, working)
            if chosen is None:
                return [*results, skipped("stream", "no model has a provider with a working key")]
            return [*results, await self._check_stream(client, chosen)]

    async def _check_health(self, client: httpx.AsyncClient) -> CheckResult:
        started = _now()
        body, failure = await self._get(client, "health", "url")
        if failure is not None:
            return failure
        if body.get("status") != "ok":
            return failed("url", "no VaultEdge gateway answers at this URL", FIXES[404])
        return ok("url", f"{client.base_url} answers ({(_now() - started) * 1_000:.0f} ms)")

    async def _check_models(self, client: httpx.AsyncClient) -> tuple[list[Json], CheckResult]:
        body, failure = await self._get(client, "v1/models", "models")
        if failure is not None:
            return [], failure
        rows = body.get("data")
        models = [each for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []
        if not models:
            return [], failed(
                "models", "no models are available", "check the vault's keys and the functions' overlay"
            )
        return models, ok("models", f"{len(models)} models available to the system key")

    async def _get(self, client: httpx.AsyncClient, path: str, check: str) -> tuple[Json, CheckResult | None]:
        try:
            response = await client.get(path)
        except httpx.HTTPError as error:
            return {}, failed(check, f"no response: {type(error).__name__}", UNREACHABLE_FIX)
        self.dates += filter(None, [response.headers.get("date")])
        if not response.is_success:
            return {}, self._status_failure(check, response.status_code)
        try:
            body = response.json()
        except ValueError:
            body = None
        return (
            (body, None)
            if isinstance(body, dict)
            else ({}, failed(check, "the response is not JSON", FIXES[404]))
        )

    def _status_failure(self, check: str, status: int) -> CheckResult:
        return failed(check, f"status {status}", FIXES.get(status, DEFAULT_FIX).format(stack=self.stack))

    async def _check_stream(self, client: httpx.AsyncClient, model: str) -> CheckResult:
        """Check that the first token arrives before the last one, and report both times."""
        body = {
            "model": model,
            "messages": [{"role": "user", "content": PROMPT}],
            "max_tokens": MAX_TOKENS,
            "stream": True,
        }
        started, times = _now(), list[float]()
        try:
            async with (
                asyncio.timeout(STREAM_TIMEOUT),
                client.stream("POST", "v1/chat/completions", json=body, timeout=STREAM_TIMEOUT) as response,
            ):
                if not response.is_success:
                    return self._status_failure("stream", response.status_code)
                async for chunk in _read_chunks(response):
                    if "error" in chunk:
                        return failed(
                            "stream", f"{model}: the stream broke off", DEFAULT_FIX.format(stack=self.stack)
                        )
                    if _has_text(chunk):
                        times.append(_now() - started)
        except (TimeoutError, httpx.HTTPError) as error:
            return failed("stream", f"{model}: {type(error).__name__}", DEFAULT_FIX.format(stack=self.stack))
        if len(times) < 2:
            return failed(
                "stream",
                f"{model}: the response is too short to measure",
                "choose another model with --model",
            )
        timing = f"{model}: first token after {times[0]:.2f} s, last after {times[-1]:.2f} s"
        if times[-1] - times[0] < MIN_SPREAD:
            return failed("stream", f"{timing}: the response was buffered", BUFFERED_FIX)
        return ok("stream", timing)


def cheapest(models: list[Json], working: frozenset[str]) -> str | None:
    """Return the id of the text model with the lowest output price among `working` providers, or None."""
    usable = [each for each in models if each.get("type") == "text" and working & set(each["providers"])]
    return min(usable, key=_price, default={}).get("id")


def _price(model: Json) -> tuple[float, str]:
    try:
        return float(model["pricing"]["output"]), model["id"]
    except (KeyError, TypeError, ValueError):
        return float("inf"), model["id"]


async def _read_chunks(response: httpx.Response) -> AsyncIterator[Json]:
    """Yield the JSON objects of an SSE stream."""
    async for line in response.aiter_lines():
        if not line.startswith("data:") or line == "data: [DONE]":
            continue
        try:
            chunk = json.loads(line.removeprefix("data:"))
        except ValueError:
            continue
        if isinstance(chunk, dict):
            yield chunk


def _has_text(chunk: Json) -> bool:
    choices: list[Any] = chunk.get("choices") or []
    return any((each.get("delta") or {}).get("content") for each in choices)


def _now() -> float:
    return asyncio.get_running_loop().time()
