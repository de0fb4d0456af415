"""Requests of texts alone take a short way through rendering and estimates, with the same result."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import Target
from vaultcore.errors import InvalidRequest
from vaultcore.plain_request import is_plain
from vaultcore.upstream.provider_request import render
from vaultcore.usage.request_estimate import RequestEstimate, estimate_chat
from vaultcore.wire import ChatRequest

CATALOG = load_builtin({"CLOUDFLARE_ACCOUNT_ID": "id"})
MODELS = ("gpt-4o-mini", "gpt-5.5", "o3", "claude-opus-5", "gemini-3-pro", "deepseek-reasoner", "some-model")
TARGETS = st.builds(
    lambda provider, name: Target(provider, CATALOG.models.model(provider.name, name)),
    st.sampled_from(list(CATALOG.providers.values())),
    st.sampled_from(MODELS),
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "developer", "user", "assistant"]),
            "content": st.sampled_from(["", "Hi", "Größe 🙂", "word " * 700]),
        }
    ),
    min_size=1,
    max_size=4,
)
FIELDS = st.fixed_dictionaries(
    {"model": st.just("m"), "messages": MESSAGES},
    optional={
        "max_tokens": st.sampled_from([1, 100, 10_000_000]),
        "max_completion_tokens": st.sampled_from([1, 100, 10_000_000]),
        "temperature": st.sampled_from([0, 0.7, 1, 2]),
        "top_p": st.sampled_from([0.1, 1]),
        "stop": st.sampled_from(["x", ["x", "y"], ["x"] * 6, []]),
        "seed": st.just(7),
        "stream": st.booleans(),
        "stream_options": st.just({"include_usage": False}),
        "n": st.sampled_from([1, 2]),
        "user": st.just("u"),
    },
)


@settings(max_examples=300)
@given(request=FIELDS, target=TARGETS)
def test_every_provider_gets_the_same_request_either_way(request: ChatRequest, target: Target) -> None:
    """A provider gets the same body, with the same changes reported, as if the request could have tools."""
    assert is_plain(request)
    assert rendered(target, request) == rendered(target, the_long_way(request))


@given(request=FIELDS)
def test_an_estimate_is_the_same_either_way(request: ChatRequest) -> None:
    """The estimate of a plain request is that of the same request with a field for tools."""
    assert amounts(estimate_chat(request)) == amounts(estimate_chat(the_long_way(request)))


@pytest.mark.parametrize(
    "change",
    [
        {"tools": []},
        {"response_format": {"type": "text"}},
        {"reasoning_effort": "low"},
        {"messages": [{"role": "tool", "content": "x"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
        {"messages": [{"role": "user", "content": "x", "name": "y"}]},
        {"messages": [{"role": "assistant", "content": None}]},
    ],
    ids=str,
)
def test_a_request_with_more_than_texts_is_not_plain(change: dict[str, Any]) -> None:
    """Anything that a dialect may have to adapt makes a request take the long way."""
    assert not is_plain({"model": "m", "messages": [{"role": "user", "content": "x"}], **change})


def the_long_way(request: ChatRequest) -> ChatRequest:
    """Return the request with a field that says nothing, but that no plain request has."""
    longer: Any = {**request, "tools": None}
    assert not is_plain(longer)
    return longer  # type: ignore[no-any-return]


def rendered(target: Target, request: ChatRequest) -> object:
    try:
        return render(target, request)
    except InvalidRequest as error:
        return str(error), error.param


def amounts(estimate: RequestEstimate) -> tuple[object, ...]:
    return (
        *(estimate.prompt, estimate.expected, estimate.completion, estimate.choices, estimate.images),
        *(estimate.runs, estimate.unbounded, estimate.may_overshoot, estimate.server_tools),
    )
