"""The names of Bedrock's models: profiles, versions and ARNs of one model. B2 of the list of behaviours."""

from __future__ import annotations

import pytest

from vaultcore.catalog.load import builtin, overlaid
from vaultcore.catalog.lookup import route

CATALOG = builtin({"AWS_REGION": "eu-west-1"})
ACCOUNT = "arn:aws:bedrock:eu-west-1:123456789012"
SPELLINGS = [
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
    f"{ACCOUNT}:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
]


@pytest.mark.parametrize("name", SPELLINGS)
def test_b02_a_model_is_known_by_all_its_names(name: str) -> None:
    """A profile, an ARN and a version lead to what is known of the model, which keeps the name it has."""
    plain = CATALOG.model("bedrock", "anthropic.claude-sonnet-4-5")
    model = CATALOG.model("bedrock", name)

    assert model.name == name
    assert model.price == plain.price is not None
    assert model.capabilities == plain.capabilities
    assert model.capabilities.thinking == "budget"


def test_b02_a_global_profile_has_a_price_of_its_own() -> None:
    """What is served anywhere costs the list price, what stays in a region a tenth more."""
    everywhere = CATALOG.model("bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0").price
    regional = CATALOG.model("bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0").price

    assert everywhere is not None
    assert regional is not None
    assert regional.input * 10 == everywhere.input * 11


def test_b02_an_arn_that_hides_its_model_is_a_name_and_nothing_more() -> None:
    """Of an application's own profile nothing is made up."""
    model = CATALOG.model("bedrock", f"{ACCOUNT}:application-inference-profile/a1b2c3")

    assert model.price is None
    assert model.capabilities.thinking is None


@pytest.mark.parametrize("name", [*SPELLINGS, "amazon.nova-lite-v1:0", "mistral.mistral-large-2402-v1:0"])
def test_b02_a_bare_id_leads_to_bedrock(name: str) -> None:
    """An id as Bedrock writes it needs no provider in front of it."""
    found = route(name, CATALOG, frozenset({"bedrock"}))

    assert [target.name for target in found.targets] == [f"bedrock/{name}"]


def test_two_versions_that_differ_in_price_are_two_models() -> None:
    """Titan's first embeddings cost more than its second ones."""
    first = CATALOG.model("bedrock", "amazon.titan-embed-text-v1").price
    second = CATALOG.model("bedrock", "amazon.titan-embed-text-v2:0").price

    assert first is not None
    assert second is not None
    assert first.input > second.input


def test_the_role_is_used_only_where_that_is_said() -> None:
    """The process's own credentials stand in for a key of the vault if a variable says so."""
    assert not CATALOG.providers["bedrock"].keyless
    assert builtin({"VAULTEDGE_AWS_ROLE": "true"}).providers["bedrock"].keyless
    assert not builtin({"VAULTEDGE_AWS_ROLE": "no"}).providers["bedrock"].keyless


def test_a_region_is_signed_for() -> None:
    """The region of the address is the one that requests are signed for; without it there is no address."""
    assert CATALOG.providers["bedrock"].auth.region == "eu-west-1"
    assert builtin().providers["bedrock"].missing == ("region",)


def test_an_address_of_ones_own_is_signed_for_its_region() -> None:
    """An endpoint that does not name its region, a private one for example, is told it in `params`."""
    file = b"providers: {bedrock: {base_url: https://vpce.example.com, params: {region: eu-west-1}}}"

    assert overlaid(file, "providers.yaml").providers["bedrock"].auth.region == "eu-west-1"
