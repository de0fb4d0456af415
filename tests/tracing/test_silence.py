from __future__ import annotations

import io
import json

import httpx
import pytest

from tests.fakes.gateway_app import ADMIN, SYSTEM, bearer
from tests.fakes.provider import Answer
from tests.tracing.watched import Watched
from vaultcore.settings import Settings

PROMPT, HEADER, PATH, MODEL = "prompt-canary", "header-canary", "path-canary", "model-canary"
REPLY, COLLECTOR = "reply-canary", "collector-canary"
KEYS = ("sk-one-0123456789", "sk-two-0123456789", SYSTEM, ADMIN)


@pytest.mark.parametrize("path", ["chat/completions", "messages", "responses", "embeddings"])
def test_nothing_told_is_anybodys_secret(path: str, house: Watched, lines: io.StringIO) -> None:
    """Neither spans nor metrics nor log lines hold a prompt, an answer, a key or a header, whatever happens:
    good answers, streams, failures that quote the key, refusals, and paths and models that nobody knows.
    """
    house.provider.script(
        "gpt-fake",
        Answer(text=REPLY),
        Answer(text=f"{REPLY} {REPLY}"),
        Answer(status=401),
        Answer(status=500, body=json.dumps({"error": {"message": f"{PROMPT} is bad"}}).encode()),
        Answer(cut="middle", text=REPLY),
    )
    said = [{"role": "user", "content": PROMPT}]
    asked = {"messages": said, "input": PROMPT, "max_tokens": 50, "instructions": PROMPT}
    body = {name: value for name, value in asked.items() if _fits(path, name)}
    sent = {
        "x-api-key": "ve-" + "9" * 40,
        "user-agent": HEADER,
        "tracestate": f"vendor={HEADER}",
        "baggage": f"user={HEADER}",
        "cookie": HEADER,
    }

    async def story(client: httpx.AsyncClient) -> None:
        for stream in (False, True, False, False, True, True):
            more = {"stream": stream} if path != "embeddings" else {}
            await client.post(f"/v1/{path}?q={PROMPT}", json={"model": "fast", **body, **more}, headers=sent)
        await client.post(f"/v1/{path}", json={"model": MODEL, **body}, headers=sent)
        await client.post(f"/v1/{path}", json={"model": "fast", **body}, headers=bearer("ve-" + "8" * 40))
        await client.get(f"/v1/{PATH}", headers=sent)

    house.run(story, otlp_headers={"x-key": COLLECTOR}, backoff=0.0)

    spans = b"".join(house.collector.posts).decode()
    told = spans + house.said.getvalue() + "\n".join(_without_reasons(lines.getvalue()))
    assert len(house.collector.spans) >= 12
    assert house.said.getvalue().count("\n") >= 9
    for canary in (PROMPT, HEADER, PATH, REPLY, COLLECTOR, *KEYS, "9" * 40, "8" * 40):
        assert canary not in told
    assert MODEL not in spans + house.said.getvalue()
    assert KEYS[0] not in lines.getvalue()


def _fits(path: str, name: str) -> bool:
    by_path = {
        "chat/completions": {"messages", "max_tokens"},
        "messages": {"messages", "max_tokens"},
        "responses": {"input", "instructions"},
        "embeddings": {"input"},
    }
    return name in by_path[path]


def _without_reasons(text: str) -> list[str]:
    """The lines without what a provider said: that is shown, redacted, and may quote."""
    lines = [json.loads(line) for line in text.splitlines()]
    told = [{name: value for name, value in line.items() if name not in {"reason", "path"}} for line in lines]
    return [json.dumps(line) for line in told if line.get("event") in {"request", "attempt"}]


def test_settings_hide_what_opens_the_collector() -> None:
    """The headers for the collector stand in no repr, and what is wrong with them is not quoted."""
    settings = Settings.from_env({"OTEL_EXPORTER_OTLP_HEADERS": f"x-key={COLLECTOR}"})

    assert settings.otlp_headers == {"x-key": COLLECTOR}
    assert COLLECTOR not in repr(settings)
