"""What a model name means."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaultcore.catalog.load import builtin, overlaid
from vaultcore.catalog.lookup import listed, route
from vaultcore.catalog.schema import Target
from vaultcore.errors import NoRoute

PLAIN = builtin()
ALL = frozenset(PLAIN.providers)
OWN = overlaid(
    b"""
providers:
  house: {base_url: "http://127.0.0.1:9/v1", local: true, static_models: [gpt-oss-120b, tiny]}
  near: {base_url: "https://near.example/v1", prefixes: [gpt-4-house-], fallback_order: 1}
models:
  gpt-4o: {primary: anthropic/claude-sonnet-4-5, fallbacks: [OpenAI/gpt-4o]}
  fast: {strategy: cheapest, targets: [groq/llama-3.3-70b-versatile, {target: openai/gpt-4o-mini, weight: 2}]}
aliases: {best: claude-opus-5-5, quick: fast, sometime: mistral/unheard-of}
""",
    "own.yaml",
)


def names(targets: tuple[Target, ...]) -> list[str]:
    return [target.name for target in targets]


def leads(name: str, *reachable: str) -> list[str]:
    return names(route(name, PLAIN, frozenset(reachable) or ALL).targets)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("gpt-4o", "openai/gpt-4o"),
        ("openai/gpt-4o", "openai/gpt-4o"),
        ("OpenAI/gpt-4o", "openai/gpt-4o"),
        ("openai/not-yet-known", "openai/not-yet-known"),
        ("groq/openai/gpt-oss-120b", "groq/openai/gpt-oss-120b"),
        ("github/openai/gpt-4o", "github/openai/gpt-4o"),
        ("google/gemini-2.5-pro", "gemini/gemini-2.5-pro"),
        ("gpt-4o-text", "openai/gpt-4o"),
        ("openai/gpt-4o-text", "openai/gpt-4o"),
        ("dall-e-3-image", "openai/dall-e-3"),
        ("dall-e-3", "openai/dall-e-3"),
        ("gemini-2.5-flash-image", "gemini/gemini-2.5-flash-image"),
        ("gemini-2.5-flash-image-hybrid", "gemini/gemini-2.5-flash-image"),
        ("claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5-20250929"),
        ("claude-99", "anthropic/claude-99"),
        ("gpt-99", "openai/gpt-99"),
        ("o1", "openai/o1"),
        ("o3-99", "openai/o3-99"),
        ("gemini-99", "gemini/gemini-99"),
        ("mistral-99", "mistral/mistral-99"),
        ("codestral-latest", "mistral/codestral-latest"),
        ("grok-99", "xai/grok-99"),
        ("deepseek-chat", "deepseek/deepseek-chat"),
        ("command-r-99", "cohere/command-r-99"),
        ("sonar-99", "perplexity/sonar-99"),
        ("llama-3.3-70b-versatile", "groq/llama-3.3-70b-versatile"),
    ],
)
def test_a_name_leads_home(name: str, target: str) -> None:
    """The first target is the model of that very name, at the provider it belongs to."""
    assert leads(name)[0] == target


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "openai/", "/gpt-4o", "nobody/gpt-4o", "-text", "gpt-4\x00", "claude\n", "\ud800"),
        *("llama", "llama-9000", "qwen", "qwen-9000-instruct", "meta-llama/unknown"),
        *("gpt", "o10", "claudette", "GPT-4o", "Claude-sonnet-4-5", "gpt-" * 70),
    ],
)
def test_a_name_that_belongs_to_nobody_leads_nowhere(name: str) -> None:
    """No guess is made: names are compared exactly, and a prefix ends where a word or a number does."""
    with pytest.raises(NoRoute) as refused:
        route(name, PLAIN, ALL)

    assert refused.value.param == "model"
    assert len(str(refused.value)) < 200


def test_other_providers_follow_that_list_the_same_name() -> None:
    """Behind the home provider stand those that list exactly this id and can be reached; nobody else."""
    assert leads("openai/gpt-oss-120b", "groq", "openrouter") == [
        "groq/openai/gpt-oss-120b",
        "openrouter/openai/gpt-oss-120b",
    ]
    assert leads("openai/gpt-oss-120b", "openrouter") == [
        "groq/openai/gpt-oss-120b",
        "openrouter/openai/gpt-oss-120b",
    ]
    assert leads("gpt-4o", "openai", "openrouter") == ["openai/gpt-4o"]


def test_an_explicit_provider_is_kept_to_where_it_can_be() -> None:
    """`openai/gpt-4o` is OpenAI's while OpenAI can be reached; else whoever lists it under just that name."""
    assert leads("openai/gpt-4o", "openai", "openrouter") == ["openai/gpt-4o"]
    assert leads("openai/gpt-4o", "openrouter") == ["openrouter/openai/gpt-4o"]
    assert leads("openai/gpt-4o", "groq") == ["openai/gpt-4o"]


def test_who_is_named_is_asked_before_who_lists_it() -> None:
    """A named provider that can be reached comes first, also for a model it is not known to serve."""
    retired = "perplexity/llama-3.1-sonar-small-128k-online"

    assert leads(retired, "perplexity", "openrouter") == [retired, f"openrouter/{retired}"]
    assert leads(retired, "openrouter") == [f"openrouter/{retired}"]


def test_no_key_is_no_reason_to_have_no_route() -> None:
    """A route is given without a key for it, so that the gateway can say which key is missing."""
    assert names(route("gpt-4o", PLAIN, frozenset()).targets) == ["openai/gpt-4o"]


def test_an_address_that_nobody_completed_is_explained() -> None:
    """A provider whose URL lacks its account is never called; the refusal says what to set."""
    with pytest.raises(NoRoute, match=r"params\.account_id or CLOUDFLARE_ACCOUNT_ID"):
        route("@cf/meta/llama-9", PLAIN, ALL)

    filled = builtin({"CLOUDFLARE_ACCOUNT_ID": "ab12"})
    assert names(route("@cf/meta/llama-9", filled, ALL).targets) == ["cloudflare/@cf/meta/llama-9"]


def test_the_operators_route_goes_before_everything() -> None:
    """A route named as a model is the route, targets and strategy as written; its suffixed name too."""
    own = route("gpt-4o", OWN, ALL)

    assert names(own.targets) == ["anthropic/claude-sonnet-4-5", "openai/gpt-4o"]
    assert route("gpt-4o-text", OWN, ALL) == own
    assert names(route("openai/gpt-4o", OWN, ALL).targets) == ["openai/gpt-4o"]


def test_strategy_and_weights_are_the_routes() -> None:
    """What the file says of a route is in the route."""
    fast = route("fast", OWN, ALL)

    assert fast.strategy == "cheapest"
    assert [target.weight for target in fast.targets] == [1, 2]


def test_an_alias_is_another_name() -> None:
    """For a model, for a route, or for a model that no catalog knows."""
    assert names(route("best", OWN, ALL).targets) == ["anthropic/claude-opus-5-5"]
    assert names(route("best-text", OWN, ALL).targets) == ["anthropic/claude-opus-5-5"]
    assert route("quick", OWN, ALL).strategy == "cheapest"
    assert names(route("sometime", OWN, ALL).targets) == ["mistral/unheard-of"]


def test_the_longest_prefix_wins() -> None:
    """A prefix that says more goes before one that says less, whatever the order of preference."""
    assert names(route("gpt-4-house-1", OWN, ALL).targets) == ["near/gpt-4-house-1"]
    assert names(route("gpt-4-1", OWN, ALL).targets) == ["openai/gpt-4-1"]


def test_a_files_own_models_are_found_by_name() -> None:
    """static_models are listed models: found by their bare name, and home where no vendor claims them."""
    reachable = frozenset({"house", "cerebras"})

    assert names(route("tiny", OWN, reachable).targets) == ["house/tiny"]
    assert set(names(route("gpt-oss-120b", OWN, reachable).targets)) == {
        "house/gpt-oss-120b",
        "cerebras/gpt-oss-120b",
    }


PIECES = ["openai", "gpt-4o", "/", "-text", "claude", "-image", "o1", "@cf/", "\u0130", "9", "ß", "", "fast"]


@given(name=st.text(max_size=400) | st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
@settings(deadline=None, max_examples=400)
def test_any_name_at_all_is_a_route_or_a_refusal(name: str) -> None:
    """Whatever a client sends as a model, the answer is a route with a target or NoRoute."""
    try:
        found = route(name, OWN, frozenset({"openai", "groq"}))
    except NoRoute:
        return

    assert found.targets
    assert not any(target.provider.missing for target in found.targets)


def test_what_is_listed_can_be_asked_for() -> None:
    """Every id of the model list leads to a provider that can be reached, the owner first among them."""
    reachable = frozenset({"openai", "groq", "openrouter", "cloudflare"})
    rows = listed(PLAIN, reachable)

    assert len({row.id for row in rows}) == len(rows) > 100
    for row in rows:
        targets = [target.provider.name for target in route(row.id, PLAIN, reachable).targets]
        assert row.providers == tuple(name for name in targets if name in reachable)
        assert row.owner == row.providers[0]


def test_the_list_has_routes_aliases_and_own_models() -> None:
    """Operators' names are listed beside the catalog's, and nothing that cannot be reached."""
    ids = {row.id: row for row in listed(OWN, frozenset({"anthropic", "house"}))}

    assert {"gpt-4o", "best", "tiny", "claude-opus-5-5"} <= set(ids)
    assert not {"fast", "quick", "gpt-4o-mini", "gemini-2.5-pro"} & set(ids)
    assert ids["gpt-4o"].owner == "anthropic"
    assert ids["claude-opus-5-5"].model.context_window == 1_000_000
    assert listed(OWN, frozenset()) == []


def test_deployments_are_not_guessed() -> None:
    """Where model names are the operator's own, a bare name never leads; an explicit one does."""
    catalog = builtin({"AZURE_OPENAI_RESOURCE": "here"})

    assert names(route("gpt-4o", catalog, frozenset({"azure"})).targets) == ["openai/gpt-4o"]
    target = route("azure/gpt-4o", catalog, frozenset({"azure"})).targets[0]
    assert target.name == "azure/gpt-4o"
    assert target.model.price == PLAIN.model("openai", "gpt-4o").price
