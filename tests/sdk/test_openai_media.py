"""The official `openai` package against a served gateway: its media APIs in every provider format."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.fakes.served import run_serve
from vaultcore.simulators.faults import InjectedFault
from vaultcore.simulators.media import PNG_SIGNATURE, image, vector
from vaultcore.simulators.server import Simulator, simulated
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

OVERLAY = """\
providers:
  openai: {{base_url: "{url}", local: true}}
  plain:
    base_url: "{url}"
    local: true
    embeddings: {{format: openai, batch: 3, drop: [encoding_format, user]}}
  gemini: {{base_url: "{url}", local: true}}
  cohere: {{base_url: "{url}", local: true, embeddings: {{format: cohere}}}}
  bedrock: {{base_url: "{url}", local: true, auth: bearer}}
  together: {{base_url: "{url}", local: true}}
  fireworks: {{base_url: "{url}", local: true}}
  bfl: {{base_url: "{url}", local: true}}
  xai: {{base_url: "{url}", local: true}}
  mistral: {{base_url: "{url}", local: true}}
models:
  vectors: {{primary: openai/text-embedding-3-small, fallbacks: [cohere/embed-v4.0]}}
  pictures: {{primary: openai/dall-e-3, fallbacks: [gemini/imagen-4.0-generate-001]}}
  edits: {{primary: gemini/imagen-4.0-generate-001, fallbacks: [openai/gpt-image-1]}}
  guard: {{primary: openai/omni-moderation-latest, fallbacks: [mistral/mistral-moderation-latest]}}
"""
NAMES = ("openai", "plain", "gemini", "cohere", "bedrock", "together", "fireworks", "bfl", "xai", "mistral")
EMBEDDING_MODELS = [
    "openai/text-embedding-3-small",
    "plain/anything",
    "gemini/gemini-embedding-001",
    "cohere/embed-v4.0",
    "bedrock/amazon.titan-embed-text-v2:0",
    "bedrock/cohere.embed-v4:0",
]
IMAGE_MODELS = [
    "openai/gpt-image-1",
    "gemini/gemini-2.5-flash-image",
    "gemini/imagen-4.0-generate-001",
    "bedrock/amazon.nova-canvas-v1:0",
    "bedrock/stability.stable-image-core-v1:1",
    "together/black-forest-labs/FLUX.1-schnell",
    "fireworks/accounts/fireworks/models/flux-1-schnell-fp8",
    "xai/grok-imagine-image",
]


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[openai.OpenAI, Simulator]]:
    home: Path = tmp_path_factory.mktemp("home")
    with simulated({"openai": "openai"}) as simulators:
        simulator = simulators["openai"]
        LocalVault(home / ".vaultedge").add(Credential(name, simulator.key) for name in NAMES)
        overlay = home / "providers.yaml"
        overlay.write_text(OVERLAY.format(url=simulator.base_url))
        with (
            run_serve(home, "--providers", str(overlay)) as gateway,
            openai.OpenAI(api_key=gateway.key, base_url=f"{gateway.url}/v1", max_retries=0) as client,
        ):
            yield client, simulator


@pytest.fixture
def client(setup: tuple[openai.OpenAI, Simulator]) -> openai.OpenAI:
    return setup[0]


@pytest.fixture
def simulator(setup: tuple[openai.OpenAI, Simulator]) -> Simulator:
    setup[1].script.clear()
    return setup[1]


@pytest.mark.parametrize("model", EMBEDDING_MODELS)
def test_z2_base64_by_default(client: openai.OpenAI, model: str) -> None:
    """The SDK requests base64 by default and decodes the provider's embeddings, in order."""
    texts = [f"text {number}" for number in range(5)]

    response = client.embeddings.create(model=model, input=texts)

    assert [row.embedding for row in response.data] == [vector(text) for text in texts]
    assert [row.index for row in response.data] == list(range(5))
    assert response.model == model
    assert response.usage.prompt_tokens == response.usage.total_tokens > 0


@pytest.mark.parametrize("model", EMBEDDING_MODELS)
def test_z2_z3_floats_and_dimensions(client: openai.OpenAI, model: str) -> None:
    """A client gets floats, and as many dimensions as it requested."""
    response = client.embeddings.create(model=model, input="one", dimensions=16, encoding_format="float")

    assert response.data[0].embedding == vector("one", 16)


def test_z1_token_arrays(client: openai.OpenAI) -> None:
    """Token arrays are forwarded to OpenAI, and rejected for a provider that does not support them."""
    response = client.embeddings.create(model="text-embedding-3-small", input=[[1, 2], [3]])
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="cohere/embed-v4.0", input=[1, 2])

    assert [row.embedding for row in response.data] == [vector([1, 2]), vector([3])]
    assert caught.value.param == "input"


@pytest.mark.parametrize(("model", "count"), [("plain/anything", 4), ("gemini/gemini-embedding-001", 3)])
def test_z5_batches(client: openai.OpenAI, simulator: Simulator, model: str, count: int) -> None:
    """Inputs over the batch size become several requests and one response with the total usage."""
    texts = [f"text {number}" for number in range(10 if count == 4 else 201)]
    before = len(simulator.script.requests)

    response = client.embeddings.create(model=model, input=texts, encoding_format="float")

    assert len(simulator.script.requests) - before == count
    assert [row.embedding for row in response.data] == [vector(text) for text in texts]
    assert response.usage.total_tokens >= len(texts)


def test_embeddings_fall_back(client: openai.OpenAI, simulator: Simulator) -> None:
    """If the first target of a route fails, the next one serves the embeddings."""
    simulator.script.queue("text-embedding-3-small", *[InjectedFault(status=503)] * 4)

    response = client.embeddings.with_raw_response.create(model="vectors", input="one")

    assert response.headers["x-vaultedge-provider"] == "cohere"
    assert response.headers["x-vaultedge-attempts"] == "2"
    assert response.parse().data[0].embedding == vector("one")


def test_embeddings_have_a_cost(client: openai.OpenAI) -> None:
    """The cost of embeddings is in the response header."""
    response = client.embeddings.with_raw_response.create(model="text-embedding-3-small", input="four")

    assert float(response.headers["x-vaultedge-cost-usd"]) == pytest.approx(4 * 0.02 / 1e6)


@pytest.mark.parametrize("model", IMAGE_MODELS)
def test_z6_images_in_base64(client: openai.OpenAI, model: str) -> None:
    """A client gets as many images as requested, in base64."""
    response = client.images.generate(
        model=model, prompt="a dot", n=2, size="1024x1024", response_format="b64_json"
    )

    assert [b64decode(each.b64_json or "")[: len(PNG_SIGNATURE)] for each in response.data or ()] == [
        PNG_SIGNATURE,
        PNG_SIGNATURE,
    ]
    assert (response.data or [])[0].b64_json == image("a dot")
    assert response.created > 0


@pytest.mark.parametrize("model", ["openai/dall-e-3", "together/black-forest-labs/FLUX.1-schnell"])
def test_z6_images_by_url(client: openai.OpenAI, model: str) -> None:
    """A client that requests URLs gets URLs."""
    response = client.images.generate(model=model, prompt="a dot", response_format="url")

    assert [each.url for each in response.data or ()] == ["https://pictures.example/0.png"]


def test_z6_a_pending_image_is_polled(client: openai.OpenAI, simulator: Simulator) -> None:
    """Black Forest Labs is polled with the key until the image is ready."""
    before = len(simulator.script.requests)

    response = client.images.generate(model="bfl/flux-pro-1.1", prompt="a dot", size="1024x768")

    requests = simulator.script.requests[before:]
    assert [each.path for each in requests] == ["/v1/flux-pro-1.1", "/v1/get_result", "/v1/get_result"]
    assert all(each.authorized for each in requests)
    assert requests[0].body == {"prompt": "a dot", "width": 1024, "height": 768}
    assert (response.data or [])[0].url is not None


@pytest.mark.parametrize(
    ("model", "fields", "param"),
    [
        ("gemini/imagen-4.0-generate-001", {"response_format": "url"}, "response_format"),
        ("openai/gpt-image-1", {"response_format": "url"}, "response_format"),
        ("bfl/flux-pro-1.1", {"response_format": "b64_json"}, "response_format"),
        ("bfl/flux-pro-1.1", {"size": "1000x1000"}, "size"),
        ("gemini/gemini-2.5-flash-image", {"size": "1024x300"}, "size"),
        ("gemini/gemini-2.5-flash-image", {"size": "4096x4096"}, "size"),
        ("gemini/gemini-2.5-flash-image", {"quality": "hd"}, "quality"),
        ("gemini/gemini-2.5-flash-image", {"style": "vivid"}, "style"),
        ("together/black-forest-labs/FLUX.1-schnell", {"quality": "hd"}, "quality"),
        ("openai/text-embedding-3-small", {}, "model"),
        ("openai/gpt-4o", {}, "model"),
        ("openai/dall-e-3", {"n": 11}, "n"),
        ("openai/dall-e-3", {"size": "large"}, "size"),
    ],
)
def test_z6_unsupported_fields_are_rejected(
    client: openai.OpenAI, model: str, fields: dict[str, object], param: str
) -> None:
    """A field that the provider does not support gets a 400 error that names it."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model=model, prompt="a dot", extra_body=fields)

    assert caught.value.param == param


def test_a_target_without_support_is_skipped(client: openai.OpenAI, simulator: Simulator) -> None:
    """A target that does not support a field is skipped if another target does."""
    simulator.script.queue("dall-e-3", *[InjectedFault(status=503)] * 9)

    with pytest.raises(openai.APIStatusError) as caught:
        client.images.generate(model="pictures", prompt="a dot", response_format="url")
    response = client.images.with_raw_response.generate(
        model="pictures", prompt="a dot", response_format="b64_json"
    )

    assert caught.value.status_code == 502
    assert {each["provider"] for each in caught.value.body["attempts"]} == {"openai"}  # type: ignore[index]
    assert response.headers["x-vaultedge-provider"] == "gemini"


def test_a_filtered_image_is_a_bad_request(client: openai.OpenAI) -> None:
    """A content filter causes a 400 error with OpenAI's code, and no further attempt."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model="gemini/gemini-2.5-flash-image", prompt="forbidden things")

    assert caught.value.code == "content_policy_violation"
    assert "PROHIBITED_CONTENT" in caught.value.message


def test_strict_mode_and_report(client: openai.OpenAI) -> None:
    """Translation changes of images are reported, and rejected in strict mode, as for chat."""
    fields = {"model": "gemini/gemini-2.5-flash-image", "prompt": "a dot", "size": "1792x1024"}

    reported = client.images.with_raw_response.generate(**fields, extra_headers={"x-vaultedge-explain": "1"})
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(**fields, extra_headers={"x-vaultedge-strict": "1"})

    changes = json.loads(reported.content)["vaultedge"]["translation"]
    assert reported.headers["x-vaultedge-translation"] == str(len(changes)) == "1"
    assert (changes[0]["path"], changes[0]["kind"], changes[0]["to"]) == ("size", "clamped", "16:9")
    assert caught.value.param == "size"


def test_a_key_is_required_and_v1_is_optional(client: openai.OpenAI) -> None:
    """A request without a valid key is rejected; the paths work without /v1."""
    root = str(client.base_url).removesuffix("/v1/")
    body = {"model": "text-embedding-3-small", "input": "one"}

    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="vg_unknown").embeddings.create(**body)
    with openai.OpenAI(api_key=client.api_key, base_url=root, max_retries=0) as unversioned:
        assert unversioned.embeddings.create(**body).data[0].embedding == vector("one")


def test_images_have_a_cost(client: openai.OpenAI) -> None:
    """The cost of image tokens is in the header, for image models and for hybrid models."""
    image_model = client.images.with_raw_response.generate(model="openai/gpt-image-1", prompt="a dot")
    hybrid = client.images.with_raw_response.generate(model="gemini/gemini-2.5-flash-image", prompt="a dot")

    assert float(image_model.headers["x-vaultedge-cost-usd"]) == pytest.approx((9 * 5 + 100 * 40) / 1e6)
    assert float(hybrid.headers["x-vaultedge-cost-usd"]) == pytest.approx((5 * 0.3 + 1_290 * 30) / 1e6)


@pytest.mark.parametrize("count", [1, 3])
def test_images_are_edited(count: int, client: openai.OpenAI, simulator: Simulator) -> None:
    """Files, mask and options of a form reach the provider unchanged; the response has a cost."""
    files = [
        (f"{number}.png", PNG_SIGNATURE + bytes([number, 13, 10, 45, 45]), "image/png")
        for number in range(count)
    ]
    raw = client.images.with_raw_response.edit(
        model="openai/gpt-image-1",
        image=files if count > 1 else files[0],
        mask=("mask.png", PNG_SIGNATURE, "image/png"),
        prompt="a häuschen",
        n=2,
        quality="low",
        extra_headers={"x-vaultedge-explain": "1"},
    )

    sent = simulator.script.requests[-1]
    contents = [content for _, content, _ in files]
    assert sent.path == "/v1/images/edits"
    assert sent.body == {
        "model": "gpt-image-1",
        "prompt": "a häuschen",
        "n": "2",
        "quality": "low",
        "image": contents if count > 1 else contents[0],
        "mask": PNG_SIGNATURE,
    }
    assert [each.b64_json for each in raw.parse().data or ()] == [image("a häuschen", i) for i in range(2)]
    assert json.loads(raw.content)["vaultedge"]["translation"] == []
    assert float(raw.headers["x-vaultedge-cost-usd"]) == pytest.approx((9 * 5 + 300 * 10 + 200 * 40) / 1e6)


def test_images_by_url_are_edited(client: openai.OpenAI, simulator: Simulator) -> None:
    """A JSON body whose images are URLs reaches the provider as JSON."""
    images = [{"image_url": "https://pictures.example/0.png"}]
    body = {"model": "openai/gpt-image-1", "prompt": "a dot", "images": images}
    client.post("/images/edits", body=body, cast_to=object)

    assert simulator.script.requests[-1].body == {**body, "model": "gpt-image-1"}


def test_a_provider_without_edits_is_skipped(client: openai.OpenAI) -> None:
    """A provider whose images have another format cannot edit them; a route's next target can."""
    picture = ("a.png", PNG_SIGNATURE, "image/png")
    with pytest.raises(openai.BadRequestError, match="edited images"):
        client.images.edit(model="gemini/imagen-4.0-generate-001", image=picture, prompt="a dot")
    response = client.images.with_raw_response.edit(model="edits", image=picture, prompt="a dot")
    assert response.headers["x-vaultedge-provider"] == "openai"


@pytest.mark.parametrize("model", ["openai/omni-moderation-latest", "mistral/mistral-moderation-latest"])
def test_moderations_of_strings(client: openai.OpenAI, model: str) -> None:
    """Each string gets a result, in order, with `flagged` even if the provider does not return it."""
    response = client.moderations.create(model=model, input=["a boat", "forbidden things"])

    assert [result.flagged for result in response.results] == [False, True]
    assert [result.categories.violence for result in response.results] == [False, True]
    assert response.results[1].category_scores.violence == 0.99
    assert response.model == model


def test_moderations_by_default(client: openai.OpenAI, simulator: Simulator) -> None:
    """Without a model the gateway uses omni-moderation-latest, which is free of charge."""
    response = client.moderations.with_raw_response.create(input="a boat")

    assert simulator.script.requests[-1].body == {"model": "omni-moderation-latest", "input": "a boat"}
    assert response.headers["x-vaultedge-provider"] == "openai"
    assert response.headers["x-vaultedge-cost-usd"] == "0"
    assert not response.parse().results[0].flagged


def test_moderations_of_content_parts(client: openai.OpenAI) -> None:
    """Text and images together get one result."""
    response = client.moderations.create(
        input=[
            {"type": "text", "text": "forbidden things"},
            {"type": "image_url", "image_url": {"url": "https://pictures.example/0.png"}},
        ]
    )

    (result,) = response.results
    assert result.flagged
    assert result.category_applied_input_types.violence == ["image", "text"]


def test_moderations_fall_back_and_report(client: openai.OpenAI, simulator: Simulator) -> None:
    """The next target serves the request if the first fails; the report lists the field that was added."""
    simulator.script.queue("omni-moderation-latest", *[InjectedFault(status=503)] * 4)

    response = client.moderations.with_raw_response.create(
        model="guard", input="forbidden things", extra_headers={"x-vaultedge-explain": "1"}
    )

    assert response.headers["x-vaultedge-provider"] == "mistral"
    (change,) = json.loads(response.content)["vaultedge"]["translation"]
    assert (change["path"], change["kind"]) == ("results.flagged", "emulated")
    assert response.parse().results[0].flagged


@pytest.mark.parametrize(
    "model", ["openai/gpt-4o", "openai/text-embedding-3-small", "gemini/gemini-2.5-flash"]
)
def test_models_without_moderations_are_rejected(
    client: openai.OpenAI, simulator: Simulator, model: str
) -> None:
    """A chat or embedding model, or a provider without moderations, is rejected before any call."""
    before = len(simulator.script.requests)

    with pytest.raises(openai.BadRequestError) as caught:
        client.moderations.create(model=model, input="a boat")

    assert caught.value.param == "model"
    assert len(simulator.script.requests) == before


def test_moderation_models_create_nothing_else(client: openai.OpenAI) -> None:
    """Moderation models are rejected for embeddings and images."""
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model="omni-moderation-latest", input="a")
    with pytest.raises(openai.BadRequestError):
        client.images.generate(model="omni-moderation-latest", prompt="a")
