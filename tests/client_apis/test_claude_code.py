"""Requests of Claude Code, sent through the gateway to a simulated provider of each dialect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client_apis.claude_code_requests import HEADERS, REQUESTS
from tests.fakes.gateway_app import run_simulated
from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import Target
from vaultcore.client_apis import messages
from vaultcore.simulators.server import Simulator
from vaultcore.upstream.provider_request import render

MODELS = {  # dialect -> model
    "openai": "openai/gpt-4.1",
    "responses": "openai/gpt-5-pro",
    "anthropic": "anthropic/claude-sonnet-4-5",
    "gemini": "gemini/gemini-2.5-flash",
    "bedrock": "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "mistral": "mistral/mistral-large-latest",
    "cohere": "cohere/command-a-03-2025",
    "deepseek": "deepseek/deepseek-v4-pro",  # openai, with a row that differs much
}
FOREIGN = {dialect: model for dialect, model in MODELS.items() if dialect != "anthropic"}
SIMULATED = [dialect for dialect in MODELS if dialect != "deepseek"]
# Anthropic's own rules decide about these, for its model of the test.
ANTHROPIC_DECIDES = ("cache warm-up", "fields of today and tomorrow", "web search", "thinking between tools")
CATALOG = load_builtin()


def send_all(folder: Path, dialect: str, **options: Any) -> dict[str, tuple[int, str]]:
    """Return status and text of the response to each request."""
    name = MODELS[dialect].partition("/")[0]
    simulated_dialect = "openai" if dialect == "responses" else dialect

    async def scenario(client: httpx.AsyncClient, _: Mapping[str, Simulator]) -> dict[str, tuple[int, str]]:
        responses: dict[str, tuple[int, str]] = {}
        for title, request in REQUESTS.items():
            if dialect == "anthropic" and title in ANTHROPIC_DECIDES:
                continue
            body = {"model": MODELS[dialect], **request, **options.get("fields", {})}
            headers = {**HEADERS, **options.get("headers", {})}
            response = await client.post("/v1/messages?beta=true", json=body, headers=headers)
            responses[title] = response.status_code, response.text
        return responses

    return run_simulated(folder, {name: simulated_dialect}, scenario)


def render_for(model: str, title: str, **fields: Any) -> tuple[str, list[Any]]:
    """Return the body for a model as JSON text, and the changes."""
    body = {"model": model, **REQUESTS[title], **fields}
    provider, _, name = model.partition("/")
    target = Target(CATALOG.providers[provider], CATALOG.models.model(provider, name))
    native = messages.native_request(body, HEADERS)
    translation = native.translated(messages.parse_request(body), target)
    rendered = render(target, translation.request).rendered
    return json.dumps(rendered.body, ensure_ascii=False), [*translation.changes, *rendered.changes]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", SIMULATED)
def test_r19_nothing_that_claude_code_sends_is_rejected(tmp_path: Path, dialect: str, stream: bool) -> None:
    """Every request is answered by every dialect, streamed or not."""
    responses = send_all(tmp_path, dialect, fields={"stream": stream})

    failed = {title: text[:300] for title, (status, text) in responses.items() if status != 200}
    assert failed == {}
    ending = "message_stop" if stream else '"type":"message"'
    assert [title for title, (_, text) in responses.items() if ending not in text.replace(" ", "")] == []


@pytest.mark.parametrize("dialect", [name for name in SIMULATED if name in FOREIGN])
def test_r19_strict_mode_names_the_clients_field(tmp_path: Path, dialect: str) -> None:
    """In strict mode, what is lost is named by its path in the client's own body."""
    responses = send_all(tmp_path, dialect, headers={"x-vaultedge-strict": "1", "anthropic-beta": ""})
    status, text = responses["fields of today and tomorrow"]

    assert status == 400
    assert any(name in text for name in ("task_budget", "diagnostics", "speed", "from_next_month"))


@pytest.mark.parametrize("dialect", FOREIGN)
def test_r22_the_billing_header_is_not_part_of_the_prompt(dialect: str) -> None:
    """Claude Code's accounting, which differs in each session, spoils no other provider's cache."""
    assert "x-anthropic-billing-header" not in render_for(FOREIGN[dialect], "first turn")[0]


@pytest.mark.parametrize("dialect", FOREIGN)
def test_r23_all_tools_are_sent_and_references_are_text(dialect: str) -> None:
    """Deferred tools are declared at once, tool search is left out, and a reference names its tool."""
    body, changes = render_for(FOREIGN[dialect], "tool search")

    assert body.count("mcp__jira__get_issue") >= 2
    assert "tool_search_tool_regex" not in body
    assert {"tools[1]", "tools[2].defer_loading"} <= {change.path for change in changes}


@pytest.mark.parametrize("dialect", FOREIGN)
def test_r23_eager_input_is_reported(dialect: str) -> None:
    """A tool whose input Anthropic would stream eagerly is sent, and the report says how it streams."""
    changes = {change.path: change.kind for change in render_for(FOREIGN[dialect], "first turn")[1]}

    assert changes["tools[0].eager_input_streaming"] == "emulated"


@pytest.mark.parametrize("dialect", FOREIGN)
def test_r24_tools_change_in_the_middle_of_a_conversation(dialect: str) -> None:
    """The tools in effect at the end are sent: added ones, and no removed ones."""
    body, _ = render_for(FOREIGN[dialect], "tools that change")

    assert "mcp__jira__get_issue" in body
    assert "Runs a command" not in body
    assert "The tools have changed." in body


@pytest.mark.parametrize("dialect", FOREIGN)
def test_r24_instructions_in_the_middle_are_kept_while_they_hold(dialect: str) -> None:
    """A system message stays in the conversation, unless a later user message ends it."""
    body, _ = render_for(FOREIGN[dialect], "instructions in between")

    assert "Be kind." in body
    assert "Be brief." not in body


@pytest.mark.parametrize("dialect", FOREIGN)
def test_r25_a_summary_replaces_the_conversation_before_it(dialect: str) -> None:
    """Messages before a compaction block are not sent; its summary is."""
    body, _ = render_for(FOREIGN[dialect], "compaction")

    assert "They asked about it." in body
    assert "An old question." not in body


@pytest.mark.parametrize("dialect", FOREIGN)
def test_r26_old_tool_results_are_cleared(dialect: str) -> None:
    """The gateway clears tool results as the client's context edits say, and reports it."""
    body, changes = render_for(FOREIGN[dialect], "old results cleared")

    assert "was cleared to save context" in body
    assert "no such file" in body  # the newest one stays
    kinds = {change.path: change.kind for change in changes if change.path.startswith("context_management")}
    assert kinds == {f"context_management.edits[{i}]": "emulated" for i in range(2)}
