"""A simulated Gemini: Google's SDK reads it, it refuses what the real one does, and the house can ask it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from google import genai
from google.genai import errors, types

from vaultcore.app import create_app
from vaultcore.compose import compose
from vaultcore.secrets import FixedSecrets, Secrets, digest
from vaultcore.settings import Settings
from vaultcore.simulators.faults import InjectedFault
from vaultcore.simulators.server import Simulator, simulated
from vaultcore.vault.keyring import Credential, Keyring

SYSTEM = "ve-" + "5" * 40
WEATHER: Any = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
}
FUNCTIONS = [
    types.FunctionDeclaration(name="weather", parameters_json_schema=WEATHER),
    types.FunctionDeclaration(name="now"),
]
TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "now"}},
]
CALLED = [("weather", {"city": "a city", "days": 3}), ("now", {})]


@pytest.fixture(scope="module")
def google() -> Iterator[Simulator]:
    with simulated({"gemini": "gemini"}) as running:
        yield running["gemini"]


@pytest.fixture
def client(google: Simulator) -> Iterator[genai.Client]:
    root = google.base_url.removesuffix("/v1")
    options = types.HttpOptions(base_url=root, api_version="v1")
    with genai.Client(api_key=google.key, http_options=options) as held:
        yield held


def ask(google: Simulator, body: dict[str, Any], model: str = "gemini-2.5-flash") -> httpx.Response:
    headers = {"x-goog-api-key": google.key}
    return httpx.post(f"{google.base_url}/models/{model}:generateContent", json=body, headers=headers)


def test_the_official_sdk_reads_its_answers(client: genai.Client) -> None:
    """Google's SDK reads whole answers and streams, and both say the same."""
    whole = client.models.generate_content(model="gemini-2.5-flash", contents="why is the sky blue?")
    stream = client.models.generate_content_stream(model="gemini-2.5-flash", contents="why is the sky blue?")
    chunks = list(stream)

    assert whole.text is not None
    assert "why is the sky blue?" in whole.text
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    assert len(chunks) > 5
    assert chunks[-1].usage_metadata == whole.usage_metadata


def test_the_official_sdk_reads_calls(client: genai.Client) -> None:
    """Each function that the prompt names is called, the first of several signed."""
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=FUNCTIONS)],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    whole = client.models.generate_content(
        model="gemini-3-flash-preview", contents="call weather, then now", config=config
    )
    parts = whole.candidates[0].content.parts  # type: ignore[index,union-attr]

    assert [(call.name, call.args) for call in whole.function_calls or []] == CALLED
    assert [bool(part.thought_signature) for part in parts or []] == [True, False]


def test_a_wrong_key_is_refused(google: Simulator) -> None:
    """It knows one key, and that in the header alone."""
    url = f"{google.base_url}/models/gemini-2.5-flash:generateContent?key={google.key}"

    assert httpx.post(url, json={"contents": []}).json()["error"]["status"] == "UNAUTHENTICATED"


def turn(role: str, *parts: Any) -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


def declared(name: str, **more: Any) -> dict[str, Any]:
    return {"tools": [{"functionDeclarations": [{"name": name, **more}]}]}


HI = turn("user", {"text": "Hi"})
CALL = turn("model", {"functionCall": {"name": "now", "args": {}}})
RESULT = {"functionResponse": {"name": "now", "response": {}}}
NOW: Any = declared("now")
OLDER: dict[str, dict[str, Any]] = {
    "no contents": {"contents": []},
    "the model first": {"contents": [CALL]},
    "no such role": {"contents": [turn("system", {"text": "x"})]},
    "no parts": {"contents": [turn("user")]},
    "two in one part": {"contents": [turn("user", {"text": "x", "inlineData": {}})]},
    "an unknown field": {"contents": [HI], "messages": []},
    "an unknown setting": {"contents": [HI], "generationConfig": {"max_tokens": 1}},
    "six stops": {"contents": [HI], "generationConfig": {"stopSequences": list("abcdef")}},
    "a schema alone": {"contents": [HI], "generationConfig": {"responseJsonSchema": {}}},
    "a level": {"contents": [HI], "generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}},
    "a keyword": {"contents": [HI], **declared("f", parametersJsonSchema={"const": 1})},
    "a name": {"contents": [HI], **declared("9f")},
    "a mode alone": {"contents": [HI], "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
    "search and functions": {"contents": [HI], "tools": [*NOW["tools"], {"googleSearch": {}}]},
    "text beside a result": {**NOW, "contents": [HI, CALL, turn("user", RESULT, {"text": "x"})]},
    "too many results": {**NOW, "contents": [HI, CALL, turn("user", RESULT, RESULT)]},
    "an id": {"contents": [HI, turn("model", {"functionCall": {"id": "1", "name": "now"}})]},
    "a file elsewhere": {"contents": [turn("user", {"fileData": {"fileUri": "https://a.test/"}})]},
}
BOTH = {"thinkingConfig": {"thinkingLevel": "LOW", "thinkingBudget": 1}}
SIGNED = turn("model", {**CALL["parts"][0], "thoughtSignature": "c2ln"})
NEWER: dict[str, dict[str, Any]] = {
    "level and budget": {"contents": [HI], "generationConfig": BOTH},
    "no signature": {**NOW, "contents": [HI, CALL, turn("user", RESULT)]},
    "another's signature": {**NOW, "contents": [HI, SIGNED, turn("user", RESULT)]},
}


@pytest.mark.parametrize(
    ("model", "body"),
    [
        *(pytest.param("gemini-2.5-flash", body, id=name) for name, body in OLDER.items()),
        *(pytest.param("gemini-3-pro", body, id=name) for name, body in NEWER.items()),
    ],
)
def test_rules_are_enforced(google: Simulator, model: str, body: dict[str, Any]) -> None:
    """A request that the real provider refuses is refused here."""
    answer = ask(google, body, model)

    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


def test_mishaps_are_played(google: Simulator, client: genai.Client) -> None:
    """A scripted refusal reaches the SDK as the error it is."""
    google.script.queue("gemini-2.5-pro", InjectedFault(status=429, retry_after=1.5))

    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model="gemini-2.5-pro", contents="Hi")

    assert caught.value.status == "RESOURCE_EXHAUSTED"


def through_house(
    folder: Path, google: Simulator, story: Callable[[openai.AsyncOpenAI], Awaitable[Any]]
) -> Any:
    """Run a story with OpenAI's client at a gateway that knows this one provider."""
    overlay = folder / "providers.yaml"
    overlay.write_text(f'providers:\n  gemini: {{base_url: "{google.base_url}", local: true}}\n')
    keyring = Keyring([Credential("gemini", google.key)])
    secrets = FixedSecrets(Secrets(keyring, digest(SYSTEM), digest("va-" + "6" * 40)))
    services = compose(Settings(providers_file=overlay, home=folder, max_retries=0), secrets)

    async def run() -> Any:
        transport = httpx.ASGITransport(create_app(services))
        async with httpx.AsyncClient(transport=transport) as http:
            asked = openai.AsyncOpenAI(
                api_key=SYSTEM, base_url="http://house/v1", http_client=http, max_retries=0
            )
            try:
                return await story(asked)
            finally:
                await services.gateway.upstream.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash-preview"])
@pytest.mark.parametrize("streamed", [False, True])
def test_g5_g7_a_tool_loop_through_the_gateway(
    tmp_path: Path, google: Simulator, model: str, streamed: bool
) -> None:
    """Two parallel calls, signed and identified as the model wants it, are made, answered and told about."""

    async def story(client: openai.AsyncOpenAI) -> list[Any]:
        told: list[Any] = [{"role": "user", "content": "call weather, then now"}]
        for _ in range(2):
            if streamed:
                async with client.chat.completions.stream(model=model, messages=told, tools=TOOLS) as stream:
                    whole: Any = await stream.get_final_completion()
            else:
                whole = await client.chat.completions.create(model=model, messages=told, tools=TOOLS)
            message = whole.choices[0].message
            told.append(message.model_dump(exclude_none=True, exclude={"parsed"}))
            for call in message.tool_calls or []:
                assert call.type == "function"
                call_id = call.id
                told.append(
                    {"role": "tool", "tool_call_id": call_id, "content": f"{call.function.name} is fine"}
                )
        return told

    told = through_house(tmp_path, google, story)
    calls = [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in told[1]["tool_calls"]]

    assert calls == CALLED
    assert told[-1]["content"].startswith("The tool answered: weather is fine; now is fine")
    sent = google.script.asked[-1].body["contents"]
    signed = [part.get("thoughtSignature") for part in sent[1]["parts"]]
    assert signed == [told[1]["tool_calls"][0]["extra_content"]["google"]["thought_signature"], None]


def test_g14_structured_output_through_the_gateway(tmp_path: Path, google: Simulator) -> None:
    """An answer by a schema is one, natively beside nothing and in words beside functions."""
    shape: Any = {"type": "json_schema", "json_schema": {"name": "n", "schema": WEATHER}}

    async def story(client: openai.AsyncOpenAI) -> list[Any]:
        asked: Any = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "Hi"}]}
        plain = await client.chat.completions.create(**asked, response_format=shape)
        beside = await client.chat.completions.create(**asked, response_format=shape, tools=TOOLS)
        return [json.loads(each.choices[0].message.content or "") for each in (plain, beside)]

    assert through_house(tmp_path, google, story) == [{"city": "a city", "days": 3}] * 2
