"""A simulated Gemini: formats by Google's SDK, rules, and calls through the gateway."""

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
from vaultcore.secrets import FixedSecrets, Secrets, digest_key
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
EXPECTED_CALLS = [("weather", {"city": "a city", "days": 3}), ("now", {})]


@pytest.fixture(scope="module")
def google() -> Iterator[Simulator]:
    with simulated({"gemini": "gemini"}) as running:
        yield running["gemini"]


@pytest.fixture
def client(google: Simulator) -> Iterator[genai.Client]:
    root = google.base_url.removesuffix("/v1")
    options = types.HttpOptions(base_url=root, api_version="v1")
    with genai.Client(api_key=google.key, http_options=options) as sdk_client:
        yield sdk_client


def ask(google: Simulator, body: dict[str, Any], model: str = "gemini-2.5-flash") -> httpx.Response:
    headers = {"x-goog-api-key": google.key}
    return httpx.post(f"{google.base_url}/models/{model}:generateContent", json=body, headers=headers)


def test_the_sdk_reads_responses(client: genai.Client) -> None:
    """Google's SDK reads buffered responses and streams, with equal text and usage."""
    buffered = client.models.generate_content(model="gemini-2.5-flash", contents="why is the sky blue?")
    stream = client.models.generate_content_stream(model="gemini-2.5-flash", contents="why is the sky blue?")
    chunks = list(stream)

    assert buffered.text is not None
    assert "why is the sky blue?" in buffered.text
    assert "".join(chunk.text or "" for chunk in chunks) == buffered.text
    assert len(chunks) > 5
    assert chunks[-1].usage_metadata == buffered.usage_metadata


def test_the_sdk_reads_function_calls(client: genai.Client) -> None:
    """Each function that the prompt names is called; the first call has a signature."""
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=FUNCTIONS)],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    buffered = client.models.generate_content(
        model="gemini-3-flash-preview", contents="call weather, then now", config=config
    )
    parts = buffered.candidates[0].content.parts  # type: ignore[index,union-attr]

    assert [(call.name, call.args) for call in buffered.function_calls or []] == EXPECTED_CALLS
    assert [bool(part.thought_signature) for part in parts or []] == [True, False]


def test_the_key_is_required_in_the_header(google: Simulator) -> None:
    """A key in the query string is not accepted."""
    url = f"{google.base_url}/models/gemini-2.5-flash:generateContent?key={google.key}"

    assert httpx.post(url, json={"contents": []}).json()["error"]["status"] == "UNAUTHENTICATED"


def content(role: str, *parts: Any) -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


def declare(name: str, **fields: Any) -> dict[str, Any]:
    return {"tools": [{"functionDeclarations": [{"name": name, **fields}]}]}


HI = content("user", {"text": "Hi"})
CALL = content("model", {"functionCall": {"name": "now", "args": {}}})
RESULT = {"functionResponse": {"name": "now", "response": {}}}
NOW: Any = declare("now")
INVALID_FOR_GEMINI_2: dict[str, dict[str, Any]] = {
    "no contents": {"contents": []},
    "the model first": {"contents": [CALL]},
    "no such role": {"contents": [content("system", {"text": "x"})]},
    "no parts": {"contents": [content("user")]},
    "two in one part": {"contents": [content("user", {"text": "x", "inlineData": {}})]},
    "an unknown field": {"contents": [HI], "messages": []},
    "an unknown setting": {"contents": [HI], "generationConfig": {"max_tokens": 1}},
    "six stops": {"contents": [HI], "generationConfig": {"stopSequences": list("abcdef")}},
    "a schema alone": {"contents": [HI], "generationConfig": {"responseJsonSchema": {}}},
    "a level": {"contents": [HI], "generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}},
    "a keyword": {"contents": [HI], **declare("f", parametersJsonSchema={"const": 1})},
    "a name": {"contents": [HI], **declare("9f")},
    "a mode alone": {"contents": [HI], "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
    "search and functions": {"contents": [HI], "tools": [*NOW["tools"], {"googleSearch": {}}]},
    "text beside a result": {**NOW, "contents": [HI, CALL, content("user", RESULT, {"text": "x"})]},
    "too many results": {**NOW, "contents": [HI, CALL, content("user", RESULT, RESULT)]},
    "an id": {"contents": [HI, content("model", {"functionCall": {"id": "1", "name": "now"}})]},
    "a file that is not public": {"contents": [content("user", {"fileData": {"fileUri": "file:///a"}})]},
}
BOTH = {"thinkingConfig": {"thinkingLevel": "LOW", "thinkingBudget": 1}}
SIGNED = content("model", {**CALL["parts"][0], "thoughtSignature": "c2ln"})
INVALID_FOR_GEMINI_3: dict[str, dict[str, Any]] = {
    "level and budget": {"contents": [HI], "generationConfig": BOTH},
    "no signature": {**NOW, "contents": [HI, CALL, content("user", RESULT)]},
    "an invalid signature": {**NOW, "contents": [HI, SIGNED, content("user", RESULT)]},
}


@pytest.mark.parametrize(
    ("model", "body"),
    [
        *(pytest.param("gemini-2.5-flash", body, id=name) for name, body in INVALID_FOR_GEMINI_2.items()),
        *(pytest.param("gemini-3-pro", body, id=name) for name, body in INVALID_FOR_GEMINI_3.items()),
    ],
)
def test_rules_are_enforced(google: Simulator, model: str, body: dict[str, Any]) -> None:
    """A request against Gemini's rules is rejected."""
    response = ask(google, body, model)

    assert response.status_code == 400
    assert response.json()["error"]["status"] == "INVALID_ARGUMENT"


def test_faults_are_injected(google: Simulator, client: genai.Client) -> None:
    """An injected error reaches the SDK with its status."""
    google.script.queue("gemini-2.5-pro", InjectedFault(status=429, retry_after=1.5))

    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model="gemini-2.5-pro", contents="Hi")

    assert caught.value.status == "RESOURCE_EXHAUSTED"


def run_with_gateway(
    folder: Path, google: Simulator, run_client: Callable[[openai.AsyncOpenAI], Awaitable[Any]]
) -> Any:
    """Run a function with OpenAI's client and a gateway that has only this provider."""
    overlay = folder / "providers.yaml"
    overlay.write_text(f'providers:\n  gemini: {{base_url: "{google.base_url}", local: true}}\n')
    keyring = Keyring([Credential("gemini", google.key)])
    secrets = FixedSecrets(Secrets(keyring, digest_key(SYSTEM), digest_key("va-" + "6" * 40)))
    services = compose(Settings(providers_file=overlay, home=folder, max_retries=0), secrets)

    async def run() -> Any:
        transport = httpx.ASGITransport(create_app(services))
        async with httpx.AsyncClient(transport=transport) as http:
            client = openai.AsyncOpenAI(
                api_key=SYSTEM, base_url="http://gateway/v1", http_client=http, max_retries=0
            )
            try:
                return await run_client(client)
            finally:
                await services.gateway.upstream.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash-preview"])
@pytest.mark.parametrize("streamed", [False, True])
def test_g5_g7_a_tool_loop_through_the_gateway(
    tmp_path: Path, google: Simulator, model: str, streamed: bool
) -> None:
    """Two parallel calls, with signatures and ids as the model requires, are made and answered."""

    async def run_client(client: openai.AsyncOpenAI) -> list[Any]:
        messages: list[Any] = [{"role": "user", "content": "call weather, then now"}]
        for _ in range(2):
            if streamed:
                async with client.chat.completions.stream(
                    model=model, messages=messages, tools=TOOLS
                ) as stream:
                    buffered: Any = await stream.get_final_completion()
            else:
                buffered = await client.chat.completions.create(model=model, messages=messages, tools=TOOLS)
            message = buffered.choices[0].message
            messages.append(message.model_dump(exclude_none=True, exclude={"parsed"}))
            for call in message.tool_calls or []:
                assert call.type == "function"
                call_id = call.id
                messages.append(
                    {"role": "tool", "tool_call_id": call_id, "content": f"{call.function.name} is fine"}
                )
        return messages

    messages = run_with_gateway(tmp_path, google, run_client)
    calls = [
        (c["function"]["name"], json.loads(c["function"]["arguments"])) for c in messages[1]["tool_calls"]
    ]

    assert calls == EXPECTED_CALLS
    assert messages[-1]["content"].startswith("The tool answered: weather is fine; now is fine")
    contents = google.script.requests[-1].body["contents"]
    signatures = [part.get("thoughtSignature") for part in contents[1]["parts"]]
    assert signatures == [messages[1]["tool_calls"][0]["extra_content"]["google"]["thought_signature"], None]


def test_g14_structured_output_through_the_gateway(tmp_path: Path, google: Simulator) -> None:
    """A response matches the schema, natively without functions and by the prompt with functions."""
    response_format: Any = {"type": "json_schema", "json_schema": {"name": "n", "schema": WEATHER}}

    async def run_client(client: openai.AsyncOpenAI) -> list[Any]:
        fields: Any = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "Hi"}]}
        plain = await client.chat.completions.create(**fields, response_format=response_format)
        with_tools = await client.chat.completions.create(
            **fields, response_format=response_format, tools=TOOLS
        )
        return [json.loads(each.choices[0].message.content or "") for each in (plain, with_tools)]

    assert run_with_gateway(tmp_path, google, run_client) == [{"city": "a city", "days": 3}] * 2
