"""Overlay files, in our format and in the format of the original VaultEdge."""

from __future__ import annotations

from pathlib import Path

import pytest

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.load import load, load_builtin, load_bytes
from vaultcore.catalog.lookup import find_route
from vaultcore.catalog.schema import Auth, Price
from vaultcore.errors import ConfigError

BUILTIN = load_builtin()
DOCUMENTED = """
providers:
  openai:    {base_url: https://api.openai.com/v1, env: OPENAI_API_KEY, prefixes: [gpt-, o1, o3, o4]}
  anthropic: {base_url: https://api.anthropic.com/v1, dialect: anthropic, auth: {header: x-api-key}}
  house-llm: {base_url: http://127.0.0.1:8000/v1, local: true}        # plain http on loopback, no key
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
ORIGINAL = """
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


def load_text(text: str) -> Catalog:
    return load_bytes(text.encode(), "own.yaml")


def test_the_documented_format_loads() -> None:
    """The documented format has providers, a local server, routes and prices."""
    catalog = load_text(DOCUMENTED)
    local = catalog.providers["house-llm"]

    assert (local.base_url, local.local) == ("http://127.0.0.1:8000/v1", True)
    assert [target.name for target in catalog.routes["gpt-4o"].targets] == [
        "openai/gpt-4o",
        "anthropic/claude-sonnet-4-5",
        "gemini/gemini-2.5-pro",
    ]
    assert catalog.routes["fast-llm"].strategy == "cheapest"
    assert catalog.routes["fast-llm"].targets[1].weight == 2
    assert catalog.model("house-llm", "llama").price == Price(0, 0)


def test_a_stanza_replaces_single_columns() -> None:
    """Columns that the file does not set keep their built-in values."""
    catalog = load_text(DOCUMENTED)

    assert catalog.providers["openai"].prefixes == ("gpt-", "o1", "o3", "o4")
    assert catalog.providers["openai"].rename == BUILTIN.providers["openai"].rename
    assert catalog.providers["anthropic"] == BUILTIN.providers["anthropic"]
    assert catalog.providers["groq"] == BUILTIN.providers["groq"]


def test_a_file_of_the_original_loads() -> None:
    """A list with camelCase keys and full endpoint URLs describes the same providers."""
    catalog = load_text(ORIGINAL)
    openai, anthropic, ours = (catalog.providers[name] for name in ("openai", "anthropic", "ourown"))

    assert (openai.base_url, openai.models_path) == ("https://api.openai.com/v1", "/models")
    assert openai.prefixes == ("gpt-", "o1", "text-")
    assert (anthropic.base_url, anthropic.dialect) == ("https://api.anthropic.com/v1", "anthropic")
    assert anthropic.auth == Auth("x-api-key", "")
    assert anthropic.headers == {"anthropic-version": "2023-06-01", "x-house": "ours"}
    assert (ours.base_url, ours.title, ours.dialect) == ("https://llm.example.com/api", "OurOwn", "openai")
    assert find_route("claude-house-special", catalog, frozenset()).targets[0].provider is anthropic


@pytest.mark.parametrize("name", ["cohere", "cloudflare"])
def test_superseded_base_urls_are_replaced(name: str) -> None:
    """If the file has a base URL that no longer works, the built-in one is used."""
    assert load_text(ORIGINAL).providers[name].base_url == BUILTIN.providers[name].base_url


def test_a_models_url_of_another_host_is_ignored() -> None:
    """A modelsUrl that is not below the base URL is not requested with the provider's key."""
    assert load_text(ORIGINAL).providers["cohere"].models_path is None


def test_a_provider_can_be_named_by_its_alias() -> None:
    """`GitHub-Models` refers to the built-in provider with this alias."""
    catalog = load_text("providers: {GitHub-Models: {fallback_order: 3}}")

    assert catalog.providers["github"].fallback_order == 3
    assert "github-models" not in catalog.providers


def test_params_fill_placeholders() -> None:
    """`params` of the file take precedence over the environment."""
    text = b"providers: {cloudflare: {params: {account_id: from-file}}}"
    catalog = load_bytes(text, "own.yaml", {"CLOUDFLARE_ACCOUNT_ID": "from-environment"})

    assert "/accounts/from-file/ai/" in catalog.providers["cloudflare"].base_url
    assert not catalog.providers["cloudflare"].missing_params


def test_a_new_provider_may_have_placeholders() -> None:
    """New providers may use placeholders like built-in ones."""
    url = "base_url: 'https://{tenant}.example.com/v1'"
    catalog = load_text(f"providers: {{own: {{{url}, placeholders: {{tenant: T}}, params: {{tenant: a1}}}}}}")

    assert catalog.providers["own"].base_url == "https://a1.example.com/v1"


@pytest.mark.parametrize(
    "spelling",
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
def test_a_route_can_be_written_in_many_ways(spelling: str) -> None:
    """Each spelling gives the same route."""
    own = load_text(f"models: {{local: {spelling}}}").routes["local"]

    assert [target.name for target in own.targets] == ["openai/gpt-4o"]
    assert own.strategy == "priority"


def test_a_model_name_may_contain_slashes() -> None:
    """The first slash separates provider and model."""
    own = load_text("models: {local: openrouter/meta-llama/llama-3.3-70b-instruct}").routes["local"]

    assert own.targets[0].provider.name == "openrouter"
    assert own.targets[0].model.name == "meta-llama/llama-3.3-70b-instruct"


def test_prices_replace_those_of_the_catalog() -> None:
    """The file's prices replace the catalog's, tiers included, and change the price version."""
    prices = "prices: {anthropic/claude-sonnet-4-5: {input: 1.5, output: 2, cache_read: 0.25}}"
    catalog = load_text(f"{prices}\nmodels: {{local: anthropic/claude-sonnet-4-5}}")
    model = catalog.routes["local"].targets[0].model

    assert model.price == Price(1_500_000_000, 2_000_000_000, cache_read=250_000_000)
    assert model.tiers == ()
    assert model.capabilities == BUILTIN.model("anthropic", "claude-sonnet-4-5").capabilities
    assert catalog.price_version.startswith(f"{BUILTIN.price_version}+")


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing yet\n", "providers:\nmodels:\n", "\ufeffproviders: {}\n"]
)
def test_an_empty_file_changes_nothing(text: str) -> None:
    """The same holds for comments only, empty sections and a byte-order mark."""
    assert load_text(text) == BUILTIN


def test_a_file_is_read_from_its_path(tmp_path: Path) -> None:
    """`load` reads the file; without a path it returns the built-in catalog."""
    file = tmp_path / "providers.yaml"
    file.write_text(DOCUMENTED, encoding="utf-8")

    assert load(file) == load_text(DOCUMENTED)
    assert load() == BUILTIN


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file or a directory is a ConfigError with the path."""
    for path in (tmp_path / "missing.yaml", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read") as refused:
            load(path)

        assert refused.value.file == str(path)
