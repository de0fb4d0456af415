"""An operator's file over the built-in catalog, in both spellings."""

from __future__ import annotations

from pathlib import Path

import pytest

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.load import builtin, load, overlaid
from vaultcore.catalog.lookup import route
from vaultcore.catalog.schema import Auth, Price
from vaultcore.errors import ConfigError

BUILTIN = builtin()
CONTRACT = """
providers:
  openai:    {base_url: https://api.openai.com/v1, env: OPENAI_API_KEY, prefixes: [gpt-, o1, o3, o4]}
  anthropic: {base_url: https://api.anthropic.com/v1, dialect: anthropic, auth: {header: x-api-key}}
  house-llm: {base_url: http://127.0.0.1:8000/v1, local: true}        # plain http on loopback; needs no key
models:                                                               # routes
  gpt-4o:
    primary: openai/gpt-4o
    fallbacks: [anthropic/claude-sonnet-4-5, gemini/gemini-2.5-pro]
  fast-llm:
    strategy: cheapest
    targets: [groq/llama-3.3-70b-versatile, {target: openai/gpt-4o-mini, weight: 2}]
prices:                                                               # USD per million tokens, optional
  house-llm/llama: {input: 0, output: 0}
"""
VAULTEDGE = """
providers:
  - name: OpenAI
    baseUrl: https://api.openai.com/v1/chat/completions
    authScheme: bearer
    modelsUrl: https://api.openai.com/v1/models
    modelPrefixes: [gpt-, o1, "text-*"]
    fallbackOrder: 1
  - name: Anthropic
    baseUrl: https://api.anthropic.com/v1/messages
    authScheme: x-api-key
    modelPrefixes: [claude-]
    fallbackOrder: 2
    staticModels: [claude-sonnet-4-5, claude-house-special]
    headers: {anthropic-version: "2023-06-01", X-House: ours}
  - name: Cohere
    baseUrl: https://api.cohere.ai/v1/chat/completions
    modelsUrl: https://api.cohere.com/v1/models
  - name: Cloudflare
    baseUrl: https://api.cloudflare.com/client/v4/accounts/default/ai/v1/chat/completions
  - name: OurOwn
    baseUrl: https://llm.example.com/api/chat/completions
    authScheme: bearer
"""


def over(text: str) -> Catalog:
    return overlaid(text.encode(), "own.yaml")


def test_the_file_of_the_contract_loads() -> None:
    """The form that the documents show: providers, a local one, routes and prices."""
    catalog = over(CONTRACT)
    house = catalog.providers["house-llm"]

    assert (house.base_url, house.local) == ("http://127.0.0.1:8000/v1", True)
    assert [target.name for target in catalog.routes["gpt-4o"].targets] == [
        "openai/gpt-4o",
        "anthropic/claude-sonnet-4-5",
        "gemini/gemini-2.5-pro",
    ]
    assert catalog.routes["fast-llm"].strategy == "cheapest"
    assert catalog.routes["fast-llm"].targets[1].weight == 2
    assert catalog.model("house-llm", "llama").price == Price(0, 0)


def test_a_row_is_merged_field_by_field() -> None:
    """What the file does not say stays as it was built in."""
    catalog = over(CONTRACT)

    assert catalog.providers["openai"].prefixes == ("gpt-", "o1", "o3", "o4")
    assert catalog.providers["openai"].rename == BUILTIN.providers["openai"].rename
    assert catalog.providers["anthropic"] == BUILTIN.providers["anthropic"]
    assert catalog.providers["groq"] == BUILTIN.providers["groq"]


def test_vaultedges_own_file_loads() -> None:
    """A list in camelCase with full endpoint URLs means the same providers."""
    catalog = over(VAULTEDGE)
    openai, anthropic, ours = (catalog.providers[name] for name in ("openai", "anthropic", "ourown"))

    assert (openai.base_url, openai.models_path) == ("https://api.openai.com/v1", "/models")
    assert openai.prefixes == ("gpt-", "o1", "text-")
    assert (anthropic.base_url, anthropic.dialect) == ("https://api.anthropic.com/v1", "anthropic")
    assert anthropic.auth == Auth("x-api-key", "")
    assert anthropic.headers == {"anthropic-version": "2023-06-01", "x-house": "ours"}
    assert (ours.base_url, ours.title, ours.dialect) == ("https://llm.example.com/api", "OurOwn", "openai")
    assert route("claude-house-special", catalog, frozenset()).targets[0].provider is anthropic


@pytest.mark.parametrize("name", ["cohere", "cloudflare"])
def test_addresses_that_never_worked_are_mended(name: str) -> None:
    """Where VaultEdge's file has an address that leads nowhere, the built-in one is meant."""
    assert over(VAULTEDGE).providers[name].base_url == BUILTIN.providers[name].base_url


def test_a_list_of_models_elsewhere_is_not_asked_for() -> None:
    """A modelsUrl that is not below the base URL cannot be reached with that provider's key."""
    assert over(VAULTEDGE).providers["cohere"].models_path is None


def test_a_provider_can_be_named_by_its_alias() -> None:
    """A file that says `GitHub-Models` speaks of the built-in provider that has this alias."""
    catalog = over("providers: {GitHub-Models: {fallback_order: 3}}")

    assert catalog.providers["github"].fallback_order == 3
    assert "github-models" not in catalog.providers


def test_params_fill_an_address() -> None:
    """The operator's account goes where the built-in URL has room for it, before the environment's."""
    text = b"providers: {cloudflare: {params: {account_id: from-file}}}"
    catalog = overlaid(text, "own.yaml", {"CLOUDFLARE_ACCOUNT_ID": "from-environment"})

    assert "/accounts/from-file/ai/" in catalog.providers["cloudflare"].base_url
    assert not catalog.providers["cloudflare"].missing


def test_an_own_provider_may_have_placeholders() -> None:
    """What a built-in row can do, an operator's can."""
    url = "base_url: 'https://{tenant}.example.com/v1'"
    catalog = over(f"providers: {{own: {{{url}, placeholders: {{tenant: T}}, params: {{tenant: a1}}}}}}")

    assert catalog.providers["own"].base_url == "https://a1.example.com/v1"


@pytest.mark.parametrize(
    "written",
    [
        "{primary: openai/gpt-4o}",
        "{targets: [openai/gpt-4o]}",
        "{targets: openai/gpt-4o, strategy: default}",
        "[openai/gpt-4o]",
        "openai/gpt-4o",
        "{primary: {target: OpenAI/gpt-4o}}",
        "{primary: {provider: OpenAI, model: gpt-4o}}",
        "{primary: gpt-4o}",
    ],
)
def test_a_route_can_be_written_in_many_ways(written: str) -> None:
    """Each of them is the same route."""
    own = over(f"models: {{house: {written}}}").routes["house"]

    assert [target.name for target in own.targets] == ["openai/gpt-4o"]
    assert own.strategy == "priority"


def test_a_models_name_may_have_slashes() -> None:
    """Only the first slash parts the provider from the model."""
    own = over("models: {house: openrouter/meta-llama/llama-3.3-70b-instruct}").routes["house"]

    assert own.targets[0].provider.name == "openrouter"
    assert own.targets[0].model.name == "meta-llama/llama-3.3-70b-instruct"


def test_own_prices_hold_and_are_told_apart() -> None:
    """They replace the catalog's, tiers and all, in routes too; the price version shows it."""
    prices = "prices: {anthropic/claude-sonnet-4-5: {input: 1.5, output: 2, cache_read: 0.25}}"
    catalog = over(f"{prices}\nmodels: {{house: anthropic/claude-sonnet-4-5}}")
    model = catalog.routes["house"].targets[0].model

    assert model.price == Price(1_500_000_000, 2_000_000_000, cache_read=250_000_000)
    assert model.tiers == ()
    assert model.capabilities == BUILTIN.model("anthropic", "claude-sonnet-4-5").capabilities
    assert catalog.price_version.startswith(f"{BUILTIN.price_version}+")


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing yet\n", "providers:\nmodels:\n", "\ufeffproviders: {}\n"]
)
def test_an_empty_file_changes_nothing(text: str) -> None:
    """Also one of comments, of empty sections, or with a byte-order mark."""
    assert over(text) == BUILTIN


def test_a_file_is_read_from_its_path(tmp_path: Path) -> None:
    """`load` reads it, and without a path gives the built-in catalog."""
    file = tmp_path / "providers.yaml"
    file.write_text(CONTRACT, encoding="utf-8")

    assert load(file) == over(CONTRACT)
    assert load() == BUILTIN


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, or a directory: one ConfigError with its path."""
    for path in (tmp_path / "missing.yaml", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read") as refused:
            load(path)

        assert refused.value.file == str(path)
