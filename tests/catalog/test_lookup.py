"""Resolving model names to routes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaultcore.catalog.load import load_builtin, load_bytes
from vaultcore.catalog.lookup import find_route, list_models
from vaultcore.catalog.schema import Target
from vaultcore.errors import NoRoute

PLAIN = load_builtin()
ALL = frozenset(PLAIN.providers)
OWN = load_bytes(
    b"""
providers:
  local-llm: {base_url: "http://127.0.0.1:9/v1", local: true, static_models: [gpt-oss-120b, tiny]}
  near: {base_url: "https://near.example/v1", prefixes: [gpt-4-house-], fallback_order: 1}
models:
  gpt-4o: {primary: anthropic/claude-sonnet-4-5, fallbacks: [OpenAI/gpt-4o]}
  fast: {strategy: cheapest, targets: [groq/llama-3.3-70b-versatile, {target: openai/gpt-4o-mini, weight: 2}]}
aliases: {best: claude-opus-5-5, quick: fast, sometime: mistral/unknown-model}
""",
    "own.yaml",
)


def names(targets: tuple[Target, ...]) -> list[str]:
    return [target.name for target in targets]


def target_names(name: str, *reachable: str) -> list[str]:
    return names(find_route(name, PLAIN, frozenset(reachable) or ALL).targets)


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
def test_a_name_resolves_to_its_provider(name: str, target: str) -> None:
    """The first target is the model with exactly that name, at the provider it belongs to."""
    assert target_names(name)[0] == target


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "openai/", "/gpt-4o", "unknown/gpt-4o", "-text", "gpt-4\x00", "claude\n", "\ud800"),
        *("llama", "llama-9000", "qwen", "qwen-9000-instruct", "meta-llama/unknown"),
        *("gpt", "o10", "claudette", "GPT-4o", "Claude-sonnet-4-5", "gpt-" * 70),
    ],
)
def test_an_unknown_name_has_no_route(name: str) -> None:
    """Names are compared exactly, and a prefix ends with a word or a number."""
    with pytest.raises(NoRoute) as refused:
        find_route(name, PLAIN, ALL)

    assert refused.value.param == "model"
    assert len(str(refused.value)) < 200


def test_providers_that_list_the_same_name_follow() -> None:
    """After the preferred provider, only reachable providers that list exactly this id follow."""
    assert target_names("openai/gpt-oss-120b", "groq", "openrouter") == [
        "groq/openai/gpt-oss-120b",
        "openrouter/openai/gpt-oss-120b",
    ]
    assert target_names("openai/gpt-oss-120b", "openrouter") == [
        "groq/openai/gpt-oss-120b",
        "openrouter/openai/gpt-oss-120b",
    ]
    assert target_names("gpt-4o", "openai", "openrouter") == ["openai/gpt-4o"]


def test_an_explicit_provider_is_used_if_reachable() -> None:
    """`openai/gpt-4o` goes to OpenAI if reachable, else to a provider that lists this whole name."""
    assert target_names("openai/gpt-4o", "openai", "openrouter") == ["openai/gpt-4o"]
    assert target_names("openai/gpt-4o", "openrouter") == ["openrouter/openai/gpt-4o"]
    assert target_names("openai/gpt-4o", "groq") == ["openai/gpt-4o"]


def test_a_named_provider_comes_before_listing_providers() -> None:
    """A reachable named provider comes first, even for a model it is not known to serve."""
    retired = "perplexity/llama-3.1-sonar-small-128k-online"

    assert target_names(retired, "perplexity", "openrouter") == [retired, f"openrouter/{retired}"]
    assert target_names(retired, "openrouter") == [f"openrouter/{retired}"]


def test_a_route_needs_no_key() -> None:
    """A route exists without a key, so that the error can name the missing key."""
    assert names(find_route("gpt-4o", PLAIN, frozenset()).targets) == ["openai/gpt-4o"]


def test_a_missing_parameter_is_explained() -> None:
    """A provider whose base URL lacks its account is never called; the error names the setting."""
    with pytest.raises(NoRoute, match=r"params\.account_id or CLOUDFLARE_ACCOUNT_ID"):
        find_route("@cf/meta/llama-9", PLAIN, ALL)

    filled = load_builtin({"CLOUDFLARE_ACCOUNT_ID": "ab12"})
    assert names(find_route("@cf/meta/llama-9", filled, ALL).targets) == ["cloudflare/@cf/meta/llama-9"]


def test_a_route_of_the_operator_comes_first() -> None:
    """A route with a model's name replaces the model, also with a type suffix."""
    own = find_route("gpt-4o", OWN, ALL)

    assert names(own.targets) == ["anthropic/claude-sonnet-4-5", "openai/gpt-4o"]
    assert find_route("gpt-4o-text", OWN, ALL) == own
    assert names(find_route("openai/gpt-4o", OWN, ALL).targets) == ["openai/gpt-4o"]


def test_a_route_has_its_strategy_and_weights() -> None:
    """Strategy and weights of the file are in the route."""
    fast = find_route("fast", OWN, ALL)

    assert fast.strategy == "cheapest"
    assert [target.weight for target in fast.targets] == [1, 2]


def test_an_alias_is_another_name() -> None:
    """An alias may refer to a model, a route, or a model that the catalog does not know."""
    assert names(find_route("best", OWN, ALL).targets) == ["anthropic/claude-opus-5-5"]
    assert names(find_route("best-text", OWN, ALL).targets) == ["anthropic/claude-opus-5-5"]
    assert find_route("quick", OWN, ALL).strategy == "cheapest"
    assert names(find_route("sometime", OWN, ALL).targets) == ["mistral/unknown-model"]


def test_the_longest_prefix_wins() -> None:
    """The longest matching prefix applies, whatever the order of preference."""
    assert names(find_route("gpt-4-house-1", OWN, ALL).targets) == ["near/gpt-4-house-1"]
    assert names(find_route("gpt-4-1", OWN, ALL).targets) == ["openai/gpt-4-1"]


def test_static_models_are_found_by_name() -> None:
    """static_models are listed under their names, and come first if no vendor lists them."""
    reachable = frozenset({"local-llm", "cerebras"})

    assert names(find_route("tiny", OWN, reachable).targets) == ["local-llm/tiny"]
    assert set(names(find_route("gpt-oss-120b", OWN, reachable).targets)) == {
        "local-llm/gpt-oss-120b",
        "cerebras/gpt-oss-120b",
    }


PIECES = ["openai", "gpt-4o", "/", "-text", "claude", "-image", "o1", "@cf/", "\u0130", "9", "ß", "", "fast"]


@given(name=st.text(max_size=400) | st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
@settings(deadline=None, max_examples=400)
def test_any_name_is_a_route_or_an_error(name: str) -> None:
    """Any text as a model name gives a route with a target, or NoRoute."""
    try:
        route = find_route(name, OWN, frozenset({"openai", "groq"}))
    except NoRoute:
        return

    assert route.targets
    assert not any(target.provider.missing_params for target in route.targets)


def test_every_listed_model_can_be_called() -> None:
    """Every listed id resolves to reachable providers, the owner first."""
    reachable = frozenset({"openai", "groq", "openrouter", "cloudflare"})
    rows = list_models(PLAIN, reachable)

    assert len({row.id for row in rows}) == len(rows) > 100
    for row in rows:
        targets = [target.provider.name for target in find_route(row.id, PLAIN, reachable).targets]
        assert row.providers == tuple(name for name in targets if name in reachable)
        assert row.owner == row.providers[0]


def test_routes_aliases_and_static_models_are_listed() -> None:
    """The operator's names are listed beside the catalog's, if a provider is reachable."""
    ids = {row.id: row for row in list_models(OWN, frozenset({"anthropic", "local-llm"}))}

    assert {"gpt-4o", "best", "tiny", "claude-opus-5-5"} <= set(ids)
    assert not {"fast", "quick", "gpt-4o-mini", "gemini-2.5-pro"} & set(ids)
    assert ids["gpt-4o"].owner == "anthropic"
    assert ids["claude-opus-5-5"].model.context_window == 1_000_000
    assert list_models(OWN, frozenset()) == []


def test_deployments_need_their_provider() -> None:
    """If model names belong to the operator, only an explicit provider reaches them."""
    catalog = load_builtin({"AZURE_OPENAI_RESOURCE": "here"})

    assert names(find_route("gpt-4o", catalog, frozenset({"azure"})).targets) == ["openai/gpt-4o"]
    target = find_route("azure/gpt-4o", catalog, frozenset({"azure"})).targets[0]
    assert target.name == "azure/gpt-4o"
    assert target.model.price == PLAIN.model("openai", "gpt-4o").price
