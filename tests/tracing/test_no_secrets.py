from __future__ import annotations

import io
import json

import httpx
import pytest

from tests.fakes.gateway_app import ADMIN, SYSTEM, bearer
from tests.fakes.provider import FakeResponse
from tests.tracing.observed_gateway import ObservedGateway
from vaultcore.settings import Settings

PROMPT, HEADER, PATH, MODEL = "prompt-canary", "header-canary", "path-canary", "model-canary"
REPLY, COLLECTOR = "reply-canary", "collector-canary"
KEYS = ("sk-one-0123456789", "sk-two-0123456789", SYSTEM, ADMIN)


@pytest.mark.parametrize("path", ["chat/completions", "messages", "responses", "embeddings"])
def test_telemetry_contains_no_secrets(path: str, gateway: ObservedGateway, lines: io.StringIO) -> None:
    """Spans, metrics and log lines contain no prompt, response, key or header: for successful responses,
    streams, failures that quote the key, rejected requests, unknown paths and unknown models.
    """
    gateway.provider.script(
        "gpt-fake",
        FakeResponse(text=REPLY),
        FakeResponse(text=f"{REPLY} {REPLY}"),
        FakeResponse(status=401),
        FakeResponse(status=500, body=json.dumps({"error": {"message": f"{PROMPT} is bad"}}).encode()),
        FakeResponse(cut="middle", text=REPLY),
    )
    messages = [{"role": "user", "content": PROMPT}]
    fields = {"messages": messages, "input": PROMPT, "max_tokens": 50, "instructions": PROMPT}
    body = {name: value for name, value in fields.items() if _has_field(path, name)}
    headers = {
        "x-api-key": "ve-" + "9" * 40,
        "user-agent": HEADER,
        "tracestate": f"vendor={HEADER}",
        "baggage": f"user={HEADER}",
        "cookie": HEADER,
    }

    async def scenario(client: httpx.AsyncClient) -> None:
        for stream in (False, True, False, False, True, True):
            more = {"stream": stream} if path != "embeddings" else {}
            await client.post(
                f"/v1/{path}?q={PROMPT}", json={"model": "fast", **body, **more}, headers=headers
            )
        await client.post(f"/v1/{path}", json={"model": MODEL, **body}, headers=headers)
        await client.post(f"/v1/{path}", json={"model": "fast", **body}, headers=bearer("ve-" + "8" * 40))
        await client.get(f"/v1/{PATH}", headers=headers)

    gateway.run(scenario, otlp_headers={"x-key": COLLECTOR}, backoff=0.0)

    spans = b"".join(gateway.collector.posts).decode()
    output = spans + gateway.stdout.getvalue() + "\n".join(_without_reasons(lines.getvalue()))
    assert len(gateway.collector.spans) >= 12
    assert gateway.stdout.getvalue().count("\n") >= 9
    for canary in (PROMPT, HEADER, PATH, REPLY, COLLECTOR, *KEYS, "9" * 40, "8" * 40):
        assert canary not in output
    assert MODEL not in spans + gateway.stdout.getvalue()
    assert KEYS[0] not in lines.getvalue()


def _has_field(path: str, name: str) -> bool:
    by_path = {
        "chat/completions": {"messages", "max_tokens"},
        "messages": {"messages", "max_tokens"},
        "responses": {"input", "instructions"},
        "embeddings": {"input"},
    }
    return name in by_path[path]


def _without_reasons(text: str) -> list[str]:
    """Return the lines without messages of providers, which are redacted and may quote the request."""
    lines = [json.loads(line) for line in text.splitlines()]
    remaining = [
        {name: value for name, value in line.items() if name not in {"reason", "path"}} for line in lines
    ]
    return [json.dumps(line) for line in remaining if line.get("event") in {"request", "attempt"}]


def test_settings_hide_the_collectors_headers() -> None:
    """The repr does not contain the headers for the collector, and errors do not quote them."""
    settings = Settings.from_env({"OTEL_EXPORTER_OTLP_HEADERS": f"x-key={COLLECTOR}"})

    assert settings.otlp_headers == {"x-key": COLLECTOR}
    assert COLLECTOR not in repr(settings)
