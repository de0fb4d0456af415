"""Providers whose base URLs or model names have a special format."""

from __future__ import annotations

import pytest

from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.lookup import find_route


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("huggingface/openai/gpt-oss-120b:cerebras", "openai/gpt-oss-120b:cerebras"),
        ("hf/deepseek-ai/DeepSeek-V3:fastest", "deepseek-ai/DeepSeek-V3:fastest"),
    ],
)
def test_q27_a_suffix_with_the_inference_provider_is_kept(name: str, model: str) -> None:
    """At Hugging Face, text after the colon is part of the model's name."""
    (target,) = find_route(name, load_builtin(), frozenset({"huggingface"})).targets

    assert (target.provider.name, target.model.name) == ("huggingface", model)


def test_q11_a_model_name_may_be_a_path() -> None:
    """A Fireworks model name is a path, and is routed to Fireworks without a provider prefix."""
    name = "accounts/fireworks/models/llama-v3p3-70b-instruct"
    (target,) = find_route(name, load_builtin(), frozenset({"fireworks"})).targets

    assert (target.provider.name, target.model.name) == ("fireworks", name)


def test_q29_the_account_is_part_of_the_url() -> None:
    """Cloudflare's base URL contains the account; without it the provider cannot be called."""
    row = load_builtin({"CLOUDFLARE_ACCOUNT_ID": "0123abcd"}).providers["cloudflare"]

    assert row.base_url == "https://api.cloudflare.com/client/v4/accounts/0123abcd/ai/v1"
    assert load_builtin().providers["cloudflare"].missing_params == ("account_id",)


def test_q30_no_provider_needs_a_token_exchange() -> None:
    """Snowflake accepts a key directly; providers that need a token exchange have no row."""
    rows = load_builtin().providers

    assert rows["snowflake"].auth.scheme == "header"
    assert rows.keys().isdisjoint({"watsonx", "oci"})
