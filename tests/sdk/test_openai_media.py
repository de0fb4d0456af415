"""The official `openai` package asks a served gateway for embeddings and pictures, in every format."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.fakes.served import served
from vaultcore.simulators.faults import InjectedFault
from vaultcore.simulators.media import PNG, picture, vector
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
models:
  vectors: {{primary: openai/text-embedding-3-small, fallbacks: [cohere/embed-v4.0]}}
  pictures: {{primary: openai/dall-e-3, fallbacks: [gemini/imagen-4.0-generate-001]}}
"""
NAMES = ("openai", "plain", "gemini", "cohere", "bedrock", "together", "fireworks", "bfl", "xai")
EMBEDDERS = [
    "openai/text-embedding-3-small",
    "plain/anything",
    "gemini/gemini-embedding-001",
    "cohere/embed-v4.0",
    "bedrock/amazon.titan-embed-text-v2:0",
    "bedrock/cohere.embed-v4:0",
]
DRAWERS = [
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
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[openai.OpenAI, Simulator]]:
    home: Path = tmp_path_factory.mktemp("home")
    with simulated({"openai": "openai"}) as simulators:
        one = simulators["openai"]
        LocalVault(home / ".vaultedge").add(Credential(name, one.key) for name in NAMES)
        overlay = home / "providers.yaml"
        overlay.write_text(OVERLAY.format(url=one.base_url))
        with (
            served(home, "--providers", str(overlay)) as gateway,
            openai.OpenAI(api_key=gateway.key, base_url=f"{gateway.url}/v1", max_retries=0) as client,
        ):
            yield client, one


@pytest.fixture
def client(studio: tuple[openai.OpenAI, Simulator]) -> openai.OpenAI:
    return studio[0]


@pytest.fixture
def simulator(studio: tuple[openai.OpenAI, Simulator]) -> Simulator:
    studio[1].script.clear()
    return studio[1]


@pytest.mark.parametrize("model", EMBEDDERS)
def test_z2_the_sdks_own_base64_becomes_floats(client: openai.OpenAI, model: str) -> None:
    """The SDK asks for base64 unless told otherwise, and reads from it what the provider gave, in order."""
    texts = [f"text {number}" for number in range(5)]

    answer = client.embeddings.create(model=model, input=texts)

    assert [row.embedding for row in answer.data] == [vector(text) for text in texts]
    assert [row.index for row in answer.data] == list(range(5))
    assert answer.model == model
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 0


@pytest.mark.parametrize("model", EMBEDDERS)
def test_z2_z3_floats_of_a_size(client: openai.OpenAI, model: str) -> None:
    """Floats where floats are asked for, and as many of them as are asked for."""
    answer = client.embeddings.create(model=model, input="one", dimensions=16, encoding_format="float")

    assert answer.data[0].embedding == vector("one", 16)


def test_z1_tokens_go_to_who_reads_them(client: openai.OpenAI) -> None:
    """Token arrays travel to OpenAI as they are, and are refused where nobody reads them."""
    answer = client.embeddings.create(model="text-embedding-3-small", input=[[1, 2], [3]])
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model="cohere/embed-v4.0", input=[1, 2])

    assert [row.embedding for row in answer.data] == [vector([1, 2]), vector([3])]
    assert refused.value.param == "input"


@pytest.mark.parametrize(("model", "posts"), [("plain/anything", 4), ("gemini/gemini-embedding-001", 3)])
def test_z5_batches_are_cut_and_joined(
    client: openai.OpenAI, simulator: Simulator, model: str, posts: int
) -> None:
    """More inputs than a provider takes at once become several requests and one answer, its usage summed."""
    texts = [f"text {number}" for number in range(10 if posts == 4 else 201)]
    before = len(simulator.script.asked)

    answer = client.embeddings.create(model=model, input=texts, encoding_format="float")

    assert len(simulator.script.asked) - before == posts
    assert [row.embedding for row in answer.data] == [vector(text) for text in texts]
    assert answer.usage.total_tokens >= len(texts)


def test_embeddings_fail_over(client: openai.OpenAI, simulator: Simulator) -> None:
    """The same attempts as for chat: a provider that fails is followed by the next of the route."""
    simulator.script.queue("text-embedding-3-small", *[InjectedFault(status=503)] * 4)

    answer = client.embeddings.with_raw_response.create(model="vectors", input="one")

    assert answer.headers["x-vaultedge-provider"] == "cohere"
    assert answer.headers["x-vaultedge-attempts"] == "2"
    assert answer.parse().data[0].embedding == vector("one")


def test_embeddings_have_a_price(client: openai.OpenAI) -> None:
    """What embeddings cost is told as it is for chat."""
    answer = client.embeddings.with_raw_response.create(model="text-embedding-3-small", input="four")

    assert float(answer.headers["x-vaultedge-cost-usd"]) == pytest.approx(4 * 0.02 / 1e6)


@pytest.mark.parametrize("model", DRAWERS)
def test_z6_pictures_in_base64(client: openai.OpenAI, model: str) -> None:
    """As many pictures as asked for, in base64, from everyone who can give it."""
    answer = client.images.generate(
        model=model, prompt="a dot", n=2, size="1024x1024", response_format="b64_json"
    )

    assert [b64decode(each.b64_json or "")[: len(PNG)] for each in answer.data or ()] == [PNG, PNG]
    assert (answer.data or [])[0].b64_json == picture("a dot")
    assert answer.created > 0


@pytest.mark.parametrize("model", ["openai/dall-e-3", "together/black-forest-labs/FLUX.1-schnell"])
def test_z6_pictures_by_address(client: openai.OpenAI, model: str) -> None:
    """Addresses where addresses are asked for."""
    answer = client.images.generate(model=model, prompt="a dot", response_format="url")

    assert [each.url for each in answer.data or ()] == ["https://pictures.example/0.png"]


def test_z6_a_picture_that_is_promised_is_waited_for(client: openai.OpenAI, simulator: Simulator) -> None:
    """Black Forest Labs is asked until the picture is ready, with the key, at its own host."""
    before = len(simulator.script.asked)

    answer = client.images.generate(model="bfl/flux-pro-1.1", prompt="a dot", size="1024x768")

    asked = simulator.script.asked[before:]
    assert [each.path for each in asked] == ["/v1/flux-pro-1.1", "/v1/get_result", "/v1/get_result"]
    assert all(each.authorized for each in asked)
    assert asked[0].body == {"prompt": "a dot", "width": 1024, "height": 768}
    assert (answer.data or [])[0].url is not None


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
def test_z6_what_cannot_be_done_is_said(
    client: openai.OpenAI, model: str, fields: dict[str, object], param: str
) -> None:
    """A provider's lack is a 400 that names the field, before anybody is asked."""
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(model=model, prompt="a dot", extra_body=fields)

    assert refused.value.param == param


def test_a_target_that_cannot_is_passed_over(client: openai.OpenAI, simulator: Simulator) -> None:
    """A route's target that has no equal for a field is not asked, as long as another has."""
    simulator.script.queue("dall-e-3", *[InjectedFault(status=503)] * 9)

    with pytest.raises(openai.APIStatusError) as failed:
        client.images.generate(model="pictures", prompt="a dot", response_format="url")
    answer = client.images.with_raw_response.generate(
        model="pictures", prompt="a dot", response_format="b64_json"
    )

    assert failed.value.status_code == 502
    assert {each["provider"] for each in failed.value.body["attempts"]} == {"openai"}  # type: ignore[index]
    assert answer.headers["x-vaultedge-provider"] == "gemini"


def test_a_withheld_picture_is_the_requests_fault(client: openai.OpenAI) -> None:
    """A provider's rules about content are a 400 with OpenAI's code for it, and nobody else is asked."""
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(model="gemini/gemini-2.5-flash-image", prompt="forbidden things")

    assert refused.value.code == "content_policy_violation"
    assert "PROHIBITED_CONTENT" in refused.value.message


def test_strictness_and_the_report_are_those_of_chat(client: openai.OpenAI) -> None:
    """What a picture loses on the way is counted and told, and refused where the client is strict."""
    asked = {"model": "gemini/gemini-2.5-flash-image", "prompt": "a dot", "size": "1792x1024"}

    told = client.images.with_raw_response.generate(**asked, extra_headers={"x-vaultedge-explain": "1"})
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(**asked, extra_headers={"x-vaultedge-strict": "1"})

    changes = json.loads(told.content)["vaultedge"]["translation"]
    assert told.headers["x-vaultedge-translation"] == str(len(changes)) == "1"
    assert (changes[0]["path"], changes[0]["kind"], changes[0]["to"]) == ("size", "clamped", "16:9")
    assert refused.value.param == "size"


def test_a_key_is_needed_and_the_path_may_lack_its_version(client: openai.OpenAI) -> None:
    """Without a key of ours nothing is made; a stage named v1 leaves the path without it."""
    bare = str(client.base_url).removesuffix("/v1/")
    body = {"model": "text-embedding-3-small", "input": "one"}

    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="vg_nobody").embeddings.create(**body)
    with openai.OpenAI(api_key=client.api_key, base_url=bare, max_retries=0) as short:
        assert short.embeddings.create(**body).data[0].embedding == vector("one")


def test_prices_of_pictures_are_told_where_they_are_known(client: openai.OpenAI) -> None:
    """Pictures are charged by their own tokens, whether a model makes nothing else or speaks too."""
    known = client.images.with_raw_response.generate(model="openai/gpt-image-1", prompt="a dot")
    hybrid = client.images.with_raw_response.generate(model="gemini/gemini-2.5-flash-image", prompt="a dot")

    assert float(known.headers["x-vaultedge-cost-usd"]) == pytest.approx((9 * 5 + 100 * 40) / 1e6)
    assert float(hybrid.headers["x-vaultedge-cost-usd"]) == pytest.approx((5 * 0.3 + 1_290 * 30) / 1e6)
