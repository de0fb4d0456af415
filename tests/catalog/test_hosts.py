"""Rows whose addresses and model names have a form of their own."""

from __future__ import annotations

import pytest

from vaultcore.catalog.load import builtin
from vaultcore.catalog.lookup import route


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("huggingface/openai/gpt-oss-120b:cerebras", "openai/gpt-oss-120b:cerebras"),
        ("hf/deepseek-ai/DeepSeek-V3:fastest", "deepseek-ai/DeepSeek-V3:fastest"),
    ],
)
def test_q27_a_suffix_for_the_provider_stays(name: str, model: str) -> None:
    """What follows the colon belongs to the model's name at Hugging Face."""
    (target,) = route(name, builtin(), frozenset({"huggingface"})).targets

    assert (target.provider.name, target.model.name) == ("huggingface", model)


def test_q11_a_model_may_be_a_path() -> None:
    """At Fireworks a model's name is a path, and leads there without the provider's name."""
    name = "accounts/fireworks/models/llama-v3p3-70b-instruct"
    (target,) = route(name, builtin(), frozenset({"fireworks"})).targets

    assert (target.provider.name, target.model.name) == ("fireworks", name)


def test_q29_the_account_is_in_the_path() -> None:
    """Cloudflare's address holds the account; without one the row is not called."""
    row = builtin({"CLOUDFLARE_ACCOUNT_ID": "0123abcd"}).providers["cloudflare"]

    assert row.base_url == "https://api.cloudflare.com/client/v4/accounts/0123abcd/ai/v1"
    assert builtin().providers["cloudflare"].missing == ("account_id",)


def test_q30_no_row_needs_a_token_exchange() -> None:
    """Snowflake takes a key as it is; who wants a token for it first is not among the rows."""
    rows = builtin().providers

    assert rows["snowflake"].auth.scheme == "header"
    assert rows.keys().isdisjoint({"watsonx", "oci"})
