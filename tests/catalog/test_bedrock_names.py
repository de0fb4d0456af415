"""Names of Bedrock models: profiles, versions and ARNs of one model (B2 of docs/behaviours.md)."""

from __future__ import annotations

import pytest

from vaultcore.catalog.load import load_builtin, load_bytes
from vaultcore.catalog.lookup import find_route

CATALOG = load_builtin({"AWS_REGION": "eu-west-1"})
ACCOUNT = "arn:aws:bedrock:eu-west-1:123456789012"
SPELLINGS = [
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
    f"{ACCOUNT}:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
]


@pytest.mark.parametrize("name", SPELLINGS)
def test_b02_all_names_of_a_model_have_its_facts(name: str) -> None:
    """Profiles, ARNs and versions have the price and capabilities of their model, and keep their name."""
    plain = CATALOG.model("bedrock", "anthropic.claude-sonnet-4-5")
    model = CATALOG.model("bedrock", name)

    assert model.name == name
    assert model.price == plain.price is not None
    assert model.capabilities == plain.capabilities
    assert model.capabilities.thinking == "budget"


def test_b02_a_global_profile_has_its_own_price() -> None:
    """A regional profile costs ten per cent more than the global one."""
    everywhere = CATALOG.model("bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0").price
    regional = CATALOG.model("bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0").price

    assert everywhere is not None
    assert regional is not None
    assert regional.input * 10 == everywhere.input * 11


def test_b02_an_arn_without_a_model_is_an_unknown_model() -> None:
    """An application inference profile has no price and no capabilities."""
    model = CATALOG.model("bedrock", f"{ACCOUNT}:application-inference-profile/a1b2c3")

    assert model.price is None
    assert model.capabilities.thinking is None


@pytest.mark.parametrize("name", [*SPELLINGS, "amazon.nova-lite-v1:0", "mistral.mistral-large-2402-v1:0"])
def test_b02_a_bedrock_id_is_routed_to_bedrock(name: str) -> None:
    """A Bedrock model id needs no provider prefix."""
    route = find_route(name, CATALOG, frozenset({"bedrock"}))

    assert [target.name for target in route.targets] == [f"bedrock/{name}"]


def test_versions_with_different_prices_are_different_models() -> None:
    """The first version of Titan embeddings costs more than the second."""
    first = CATALOG.model("bedrock", "amazon.titan-embed-text-v1").price
    second = CATALOG.model("bedrock", "amazon.titan-embed-text-v2:0").price

    assert first is not None
    assert second is not None
    assert first.input > second.input


def test_the_role_is_used_only_if_enabled() -> None:
    """The process's own AWS role signs requests only if the variable is set."""
    assert not CATALOG.providers["bedrock"].keyless
    assert load_builtin({"VAULTEDGE_AWS_ROLE": "true"}).providers["bedrock"].keyless
    assert not load_builtin({"VAULTEDGE_AWS_ROLE": "no"}).providers["bedrock"].keyless


def test_the_signature_uses_the_region_of_the_url() -> None:
    """The signature uses the region of the base URL; without a region the provider cannot be called."""
    assert CATALOG.providers["bedrock"].auth.region == "eu-west-1"
    assert load_builtin().providers["bedrock"].missing_params == ("region",)


def test_a_private_endpoint_takes_the_region_from_params() -> None:
    """A base URL without a region, such as a private endpoint, takes it from `params`."""
    file = b"providers: {bedrock: {base_url: https://vpce.example.com, params: {region: eu-west-1}}}"

    assert load_bytes(file, "providers.yaml").providers["bedrock"].auth.region == "eu-west-1"
