"""The catalog as it is shipped: every row of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vaultcore.catalog import address
from vaultcore.catalog.load import builtin, builtin_rows, overlaid
from vaultcore.catalog.schema import Model, Provider
from vaultcore.catalog.stanza import ENDPOINTS
from vaultcore.dialects import NAMES
from vaultcore.routing.plan import reachable
from vaultcore.vault.keyring import Credential, Keyring

CATALOG = builtin()
VAULTEDGE = [
    *("OpenAI", "Groq", "Anthropic", "Gemini", "Mistral", "xAI", "DeepSeek", "OpenRouter"),
    *("Cohere", "Cerebras", "Sambanova", "Cloudflare", "Github", "Nvidia", "Together", "Perplexity"),
]


@pytest.mark.parametrize("name", VAULTEDGE)
def test_each_of_vaultedges_providers_is_here_under_its_name(name: str) -> None:
    """A key that VaultEdge's vault holds under a provider's name finds that provider, whatever the case."""
    provider = CATALOG.provider(name)

    assert provider is not None
    assert provider.name == name.lower()
    assert CATALOG.provider(name.upper()) is provider


def test_there_are_many_providers() -> None:
    """At least forty, each before those that are preferred less."""
    orders = [provider.fallback_order for provider in CATALOG.providers.values()]

    assert len(orders) >= 40
    assert orders == sorted(set(orders))


@pytest.mark.parametrize("provider", CATALOG.providers.values(), ids=list(CATALOG.providers))
def test_every_row_is_one_that_can_be_called(provider: Provider) -> None:
    """https but on this machine, a dialect that is spoken, a variable for the key, named placeholders."""
    assert address.check(provider.base_url, local=provider.local) == provider.base_url
    assert provider.base_url.startswith("http://127.0.0.1:" if provider.local else "https://")
    assert provider.dialect in NAMES
    assert provider.env
    assert provider.title
    assert set(provider.missing) == set(provider.placeholders)
    assert provider.models_path is None or provider.models_path.startswith("/")
    assert not set(provider.rename) & provider.drop


LOCAL = {"ollama": "OLLAMA", "vllm": "VLLM", "lmstudio": "LMSTUDIO", "llamacpp": "LLAMACPP"}


@pytest.mark.parametrize("name", LOCAL)
def test_servers_on_this_machine_sleep_until_they_are_woken(name: str) -> None:
    """A row for a local server is called only if a variable, a key or a row of the operator's says so."""
    woken = builtin({f"VAULTEDGE_{LOCAL[name]}": "true"})
    own = f"providers: {{{name}: {{base_url: http://127.0.0.1:9/v1, local: true}}}}".encode()
    nothing, key = Keyring([]), Keyring([Credential(name, "key-0123456789")])

    assert name not in reachable(CATALOG.providers.values(), nothing)
    assert name in reachable(woken.providers.values(), nothing)
    assert name in reachable(CATALOG.providers.values(), key)
    assert name in reachable(overlaid(own, "own.yaml").providers.values(), nothing)


def test_no_two_providers_share_a_name() -> None:
    """A name in a vault means one provider."""
    names = [name for provider in CATALOG.providers.values() for name in provider.names]

    assert len(names) == len(set(names))


def test_no_two_providers_share_a_prefix() -> None:
    """A prefix belongs to one vendor, so that no name is a matter of luck."""
    prefixes = [prefix for provider in CATALOG.providers.values() for prefix in provider.prefixes]

    assert len(prefixes) == len(set(prefixes))


def test_the_catalog_and_the_dialects_name_the_same_dialects() -> None:
    """A dialect that exists can be written in a stanza, and no other."""
    assert set(ENDPOINTS) == set(NAMES)


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
    """A provider with an address of the operator's own is complete once its variable is set."""
    assert builtin().providers[name].missing

    provider = builtin({param: value}).providers[name]

    assert not provider.missing
    assert provider.base_url.startswith(host)


@pytest.mark.parametrize("value", ["evil.example#", "a/../b", "a@evil.example", "{x}", "a b", "..", "a?"])
def test_no_value_leads_elsewhere(value: str) -> None:
    """What could end a host or a path fills nothing: the provider stays out of use."""
    assert builtin({"AZURE_OPENAI_RESOURCE": value}).providers["azure"].missing == ("resource",)


def test_every_model_row_makes_a_model() -> None:
    """No row is malformed: each has a kind, and prices that are whole numbers from zero up."""
    for provider in CATALOG.providers.values():
        for name in CATALOG.ids(provider):
            model = CATALOG.model(provider.name, name)
            prices = [model.price, *(tier.price for tier in model.tiers)] if model.price else []
            assert model.name == name
            assert model.type in {"text", "image", "hybrid", "embedding"}
            assert all(price is not None and price.input >= 0 and price.output >= 0 for price in prices)
            assert [tier.above for tier in model.tiers] == sorted({tier.above for tier in model.tiers})


def test_an_unknown_model_is_a_name_and_nothing_more() -> None:
    """What nobody has said about a model is not made up."""
    assert CATALOG.model("openai", "gpt-99-nova") == Model("gpt-99-nova")


@pytest.mark.parametrize(
    ("provider", "dated", "plain"),
    [
        ("anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("anthropic", "claude-opus-5-5-20261001", "claude-opus-5-5"),
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("azure", "gpt-4o", "gpt-4o"),
    ],
)
def test_a_snapshot_is_known_as_its_model(provider: str, dated: str, plain: str) -> None:
    """A dated name keeps its spelling on the wire and has its model's price and abilities."""
    model, known = CATALOG.model(provider, dated), CATALOG.model(provider, plain)

    assert model.name == dated
    assert model.price == known.price != None  # noqa: E711 - in a chain
    assert model.capabilities == known.capabilities


def test_flagships_are_gated_as_their_vendor_says() -> None:
    """The facts that a translation needs are there for the models that need them."""
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


def test_a_start_without_a_file_loads_no_yaml() -> None:
    """Reading the built-in catalog imports no YAML parser, so that a cold start does not pay for one."""
    code = "import sys, vaultcore.catalog.load as load; load.builtin(); print('yaml' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "False"


def test_rows_are_given_out_fresh() -> None:
    """Whoever changes the rows they were given changes nobody else's."""
    builtin_rows().clear()

    assert builtin_rows()
