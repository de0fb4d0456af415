"""The built-in catalog: every row."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vaultcore.catalog import address
from vaultcore.catalog.load import builtin_rows, load_builtin, load_bytes
from vaultcore.catalog.schema import ENDPOINTS, Model, Provider
from vaultcore.dialects import DIALECTS
from vaultcore.routing.plan import reachable
from vaultcore.vault.keyring import Credential, Keyring

CATALOG = load_builtin()
VAULTEDGE = [
    *("OpenAI", "Groq", "Anthropic", "Gemini", "Mistral", "xAI", "DeepSeek", "OpenRouter"),
    *("Cohere", "Cerebras", "Sambanova", "Cloudflare", "Github", "Nvidia", "Together", "Perplexity"),
]


@pytest.mark.parametrize("name", VAULTEDGE)
def test_every_provider_of_the_original_has_its_name(name: str) -> None:
    """A key in a vault of the original VaultEdge finds its provider, compared without case."""
    provider = CATALOG.provider(name)

    assert provider is not None
    assert provider.name == name.lower()
    assert CATALOG.provider(name.upper()) is provider


def test_there_are_many_providers() -> None:
    """There are at least forty providers, in order of preference."""
    orders = [provider.fallback_order for provider in CATALOG.providers.values()]

    assert len(orders) >= 40
    assert orders == sorted(set(orders))


@pytest.mark.parametrize("provider", CATALOG.providers.values(), ids=list(CATALOG.providers))
def test_every_row_is_complete(provider: Provider) -> None:
    """Every row has https or is local, a known dialect, a key variable, a title and named placeholders."""
    assert address.check(provider.base_url, local=provider.local) == provider.base_url
    assert provider.base_url.startswith("http://127.0.0.1:" if provider.local else "https://")
    assert provider.dialect in DIALECTS
    assert provider.env
    assert provider.title
    assert set(provider.missing_params) == set(provider.placeholders)
    assert provider.models_path is None or provider.models_path.startswith("/")
    assert not set(provider.rename) & provider.drop


LOCAL = {"ollama": "OLLAMA", "vllm": "VLLM", "lmstudio": "LMSTUDIO", "llamacpp": "LLAMACPP"}


@pytest.mark.parametrize("name", LOCAL)
def test_local_servers_are_inactive_by_default(name: str) -> None:
    """A built-in local server is reachable only with its variable, a key or an overlay entry."""
    enabled = load_builtin({f"VAULTEDGE_{LOCAL[name]}": "true"})
    own = f"providers: {{{name}: {{base_url: http://127.0.0.1:9/v1, local: true}}}}".encode()
    nothing, key = Keyring([]), Keyring([Credential(name, "key-0123456789")])

    assert name not in reachable(CATALOG.providers.values(), nothing)
    assert name in reachable(enabled.providers.values(), nothing)
    assert name in reachable(CATALOG.providers.values(), key)
    assert name in reachable(load_bytes(own, "own.yaml").providers.values(), nothing)


def test_no_two_providers_share_a_name() -> None:
    """A name or alias belongs to one provider."""
    names = [name for provider in CATALOG.providers.values() for name in provider.names]

    assert len(names) == len(set(names))


def test_no_two_providers_share_a_prefix() -> None:
    """A prefix belongs to one provider."""
    prefixes = [prefix for provider in CATALOG.providers.values() for prefix in provider.prefixes]

    assert len(prefixes) == len(set(prefixes))


def test_the_catalog_accepts_exactly_the_existing_dialects() -> None:
    """A stanza can name every dialect that exists, and no other."""
    assert set(ENDPOINTS) == set(DIALECTS)


@pytest.mark.parametrize(
    ("name", "param", "value", "host"),
    [
        (
            "cloudflare",
            "CLOUDFLARE_ACCOUNT_ID",
            "0123abcd",
            "https://api.cloudflare.com/client/v4/accounts/0123abcd",
        ),
        ("azure", "AZURE_OPENAI_RESOURCE", "my-house", "https://my-house.openai.azure.com/"),
        ("bedrock", "AWS_REGION", "eu-west-1", "https://bedrock-runtime.eu-west-1.amazonaws.com"),
        ("bedrock", "AWS_DEFAULT_REGION", "eu-west-1", "https://bedrock-runtime.eu-west-1.amazonaws.com"),
        ("bedrock-mantle", "AWS_REGION", "eu-west-1", "https://bedrock-mantle.eu-west-1.api.aws/"),
        ("databricks", "DATABRICKS_HOST", "https://adb-1.2.net/", "https://adb-1.2.net/serving-endpoints"),
    ],
)
def test_the_environment_fills_placeholders(name: str, param: str, value: str, host: str) -> None:
    """A provider with placeholders can be called once its variable is set."""
    assert load_builtin().providers[name].missing_params

    provider = load_builtin({param: value}).providers[name]

    assert not provider.missing_params
    assert provider.base_url.startswith(host)


@pytest.mark.parametrize("value", ["evil.example#", "a/../b", "a@evil.example", "{x}", "a b", "..", "a?"])
def test_unsafe_values_fill_no_placeholder(value: str) -> None:
    """A value that could change host or path is ignored, and the provider cannot be called."""
    assert load_builtin({"AZURE_OPENAI_RESOURCE": value}).providers["azure"].missing_params == ("resource",)


def test_every_model_row_is_valid() -> None:
    """Every row has a type, and prices that are integers from zero."""
    for provider in CATALOG.providers.values():
        for name in CATALOG.ids(provider):
            model = CATALOG.model(provider.name, name)
            prices = [model.price, *(tier.price for tier in model.tiers)] if model.price else []
            assert model.name == name
            assert model.type in {"text", "image", "hybrid", "embedding", "moderation"}
            assert all(price is not None and price.input >= 0 and price.output >= 0 for price in prices)
            assert [tier.above for tier in model.tiers] == sorted({tier.above for tier in model.tiers})


def test_an_unknown_model_has_only_its_name() -> None:
    """An unknown model has no price, no limits and no capabilities; its provider's tools have prices."""
    tools = CATALOG.models.tools["openai"]

    assert CATALOG.model("openai", "gpt-99-nova") == Model("gpt-99-nova", tool_prices=tools)
    assert CATALOG.model("ollama", "gpt-99-nova") == Model("gpt-99-nova")


def test_a_borrowed_model_has_the_tool_prices_of_its_provider() -> None:
    """A provider's own tool prices replace those of the provider whose rows it borrows; others stay."""
    own, borrowed = CATALOG.model("azure", "gpt-5.4"), CATALOG.model("openai", "gpt-5.4")

    assert own.tool_prices["web_search"] > borrowed.tool_prices["web_search"]
    assert own.tool_prices["image_tool_output"] == borrowed.tool_prices["image_tool_output"]


@pytest.mark.parametrize(
    ("provider", "dated", "plain"),
    [
        ("anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("anthropic", "claude-opus-5-5-20261001", "claude-opus-5-5"),
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("azure", "gpt-4o", "gpt-4o"),
    ],
)
def test_a_snapshot_has_the_facts_of_its_model(provider: str, dated: str, plain: str) -> None:
    """A dated name keeps its spelling, and has the price and capabilities of its model."""
    model, known = CATALOG.model(provider, dated), CATALOG.model(provider, plain)

    assert model.name == dated
    assert model.price == known.price != None  # noqa: E711 - in a chain
    assert model.capabilities == known.capabilities


def test_capabilities_of_major_models() -> None:
    """Capabilities that translations depend on are set for the models that need them."""
    able = CATALOG.model("anthropic", "claude-sonnet-5-5").capabilities
    older = CATALOG.model("anthropic", "claude-sonnet-4-5").capabilities

    assert (able.thinking, able.prefill, able.sampling_params, able.forced_tool_use) == (
        "always",
        False,
        False,
        False,
    )
    assert (older.thinking, older.prefill, older.sampling_params) == ("budget", True, True)
    assert able.mid_conversation_system is True


def test_the_builtin_catalog_imports_no_yaml() -> None:
    """Loading the built-in catalog imports no YAML parser, so that cold starts are fast."""
    code = "import sys, vaultcore.catalog.load as load; load.load_builtin(); print('yaml' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert output.stdout.strip() == "False"


def test_rows_are_new_objects() -> None:
    """A caller that changes the rows does not change those of another caller."""
    builtin_rows().clear()

    assert builtin_rows()
