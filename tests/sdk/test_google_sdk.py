"""Google's SDK against the gateway: over Gemini natively, over other providers translated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from tests.fakes.served import GatewayProcess, prepare_home, run_serve
from vaultcore.simulators.server import Simulator, simulated

PROVIDERS = {name: name for name in ("openai", "anthropic", "bedrock", "gemini")}
REGION = {"AWS_REGION": "us-east-1"}  # of Bedrock
MODELS = (
    "openai/gpt-4o-mini",
    "anthropic/claude-sonnet-4-5",
    "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
    "gemini/gemini-2.5-flash",
    "gemini/gemini-3-pro-preview",
)


@dataclass(frozen=True, slots=True)
class GoogleGateway:
    """A served gateway, its simulated providers, and a client."""

    process: GatewayProcess
    simulators: dict[str, Simulator]
    client: genai.Client


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleGateway]:
    home: Path = tmp_path_factory.mktemp("home")
    with simulated(PROVIDERS) as simulators:
        overlay = prepare_home(home, simulators)
        with run_serve(home, "--providers", str(overlay), environ=REGION) as process:
            options = types.HttpOptions(base_url=process.url)
            with genai.Client(api_key=process.key, http_options=options) as client:
                yield GoogleGateway(process, simulators, client)


every_model = pytest.mark.parametrize("model", MODELS)


@every_model
def test_a_response_is_complete(gateway: GoogleGateway, model: str) -> None:
    """A response has text, a finish reason and usage."""
    response = gateway.client.models.generate_content(model=model, contents="Hello")

    assert response.text
    assert response.candidates is not None
    assert response.candidates[0].finish_reason == types.FinishReason.STOP
    assert response.usage_metadata is not None
    assert response.usage_metadata.prompt_token_count
    assert response.usage_metadata.candidates_token_count


@every_model
def test_a_stream_has_the_text_of_the_response(gateway: GoogleGateway, model: str) -> None:
    """A stream comes in several chunks with the same text; the last one has finish reason and usage."""
    text = gateway.client.models.generate_content(model=model, contents="Count to ten").text
    chunks = list(gateway.client.models.generate_content_stream(model=model, contents="Count to ten"))

    assert "".join(chunk.text or "" for chunk in chunks) == text
    assert len(chunks) > 2
    candidates = chunks[-1].candidates
    assert candidates is not None
    assert candidates[0].finish_reason == types.FinishReason.STOP
    assert chunks[-1].usage_metadata is not None
    assert chunks[-1].usage_metadata.candidates_token_count


@every_model
@pytest.mark.parametrize("streamed", [False, True])
def test_functions_are_called_automatically(gateway: GoogleGateway, model: str, streamed: bool) -> None:
    """The SDK runs the function that the model calls, and the model answers with its result."""
    calls: list[str] = []

    def get_weather(city: str) -> str:
        """Return the weather of a city."""
        calls.append(city)
        return "sunny and 21 degrees"

    config = types.GenerateContentConfig(tools=[get_weather], system_instruction="Be brief.")
    models, prompt = gateway.client.models, "Please call get_weather for Paris."
    if streamed:
        chunks = models.generate_content_stream(model=model, contents=prompt, config=config)
        text = "".join(chunk.text or "" for chunk in chunks)
    else:
        text = models.generate_content(model=model, contents=prompt, config=config).text or ""

    assert len(calls) == 1
    assert "sunny and 21 degrees" in text


class Recipe(BaseModel):
    """A structure without optional fields."""

    name: str
    minutes: int
    steps: list[str]


@every_model
def test_a_structure_is_kept(gateway: GoogleGateway, model: str) -> None:
    """A response with a schema has its structure."""
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Recipe)
    response = gateway.client.models.generate_content(model=model, contents="A recipe", config=config)

    assert isinstance(response.parsed, Recipe)


@every_model
def test_tokens_are_counted(gateway: GoogleGateway, model: str) -> None:
    """Tokens are counted for each model, by the provider or as an estimate."""
    assert gateway.client.models.count_tokens(model=model, contents="Hello there").total_tokens


@every_model
def test_a_chat_remembers(gateway: GoogleGateway, model: str) -> None:
    """The SDK accepts every streamed turn into its history and sends it with the next one."""
    chat = gateway.client.chats.create(model=model)
    for _ in chat.send_message_stream("My name is Bo"):
        pass
    chat.send_message("What is my name?")

    roles = [role for role, _ in groupby(content.role for content in chat.get_history(curated=True))]
    assert roles == ["user", "model"] * 2


def test_models_are_listed_in_pages(gateway: GoogleGateway) -> None:
    """The list has models of every provider, over several pages, and each is found by its name."""
    config = types.ListModelsConfig(page_size=40)
    models = {model.name: model for model in gateway.client.models.list(config=config)}
    one = gateway.client.models.get(model="openai/gpt-4o-mini")

    assert len(models) > 40
    assert {"models/fast-llm", "models/openai/gpt-4o-mini"} & models.keys()
    assert one.name == "models/openai/gpt-4o-mini"
    assert one.input_token_limit
    assert one.supported_actions == ["generateContent", "countTokens"]


def test_errors_have_googles_form(gateway: GoogleGateway) -> None:
    """An unknown model and a wrong key are errors with code and status."""
    options = types.HttpOptions(base_url=gateway.process.url)
    with pytest.raises(errors.ClientError) as unknown:
        gateway.client.models.generate_content(model="no-such-model", contents="Hello")
    with (
        genai.Client(api_key="wrong", http_options=options) as client,
        pytest.raises(errors.ClientError) as wrong,
    ):
        client.models.generate_content(model=MODELS[0], contents="Hello")

    assert (unknown.value.code, unknown.value.status) == (404, "NOT_FOUND")
    assert (wrong.value.code, wrong.value.status) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("model", ["openai/text-embedding-3-small", "gemini/gemini-embedding-001"])
def test_contents_are_embedded(gateway: GoogleGateway, model: str) -> None:
    """The SDK gets one vector for each content, of the size that it asks for."""
    config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=8)
    contents = [types.Content(parts=[types.Part(text=text)]) for text in ("one", "two")]
    response = gateway.client.models.embed_content(model=model, contents=contents, config=config)

    assert response.embeddings is not None
    assert [len(each.values or ()) for each in response.embeddings] == [8, 8]


@pytest.mark.parametrize("streamed", [False, True])
def test_signed_thinking_returns_to_claude(gateway: GoogleGateway, streamed: bool) -> None:
    """Thoughts are in the response if requested, and Claude gets its signed thinking back with the result."""

    def get_weather(city: str) -> str:
        """Return the weather of a city."""
        return f"sunny in {city}"

    thinking = types.ThinkingConfig(include_thoughts=True, thinking_budget=2048)
    config = types.GenerateContentConfig(tools=[get_weather], thinking_config=thinking)
    models, prompt, model = gateway.client.models, "Please call get_weather.", "anthropic/claude-sonnet-4-5"
    if streamed:
        responses = list(models.generate_content_stream(model=model, contents=prompt, config=config))
    else:
        responses = [models.generate_content(model=model, contents=prompt, config=config)]
    contents = [each.candidates[0].content for each in responses if each.candidates]
    parts = [part for content in contents if content for part in content.parts or ()]
    body = gateway.simulators["anthropic"].script.requests[-1].body

    assert any(part.thought and part.text for part in parts)
    assert "sunny in" in "".join(part.text or "" for part in parts if not part.thought)
    blocks = [
        block
        for message in body["messages"]
        if message["role"] == "assistant"
        for block in message["content"]
    ]
    assert [block["type"] for block in blocks][:1] == ["thinking"]
    assert blocks[0]["signature"]


class Order(BaseModel):
    """A structure with an optional field."""

    name: str
    note: str | None = None


@every_model
def test_an_optional_field_is_accepted(gateway: GoogleGateway, model: str) -> None:
    """A schema with optional fields is accepted by every provider."""
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Order)
    response = gateway.client.models.generate_content(model=model, contents="An order", config=config)

    assert isinstance(response.parsed, Order)
