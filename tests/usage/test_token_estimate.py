"""Token estimates."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.usage.token_estimate import estimate_request, estimate_tokens

KNOWN = {  # as OpenAI's published tokenizers count them
    "Hello, world!": 4,
    "ChatGPT is great!": 6,
    "antidisestablishmentarianism": 6,
    "お誕生日おめでとう": 9,
    "The quick brown fox jumps over the lazy dog.": 10,
    "tiktoken is great!": 6,
}


@pytest.mark.parametrize("text", KNOWN)
def test_known_counts(text: str) -> None:
    """A text's estimate is within half of a tokenizer's count."""
    assert KNOWN[text] / 1.6 <= estimate_tokens(text) <= KNOWN[text] * 1.5


@given(st.text(st.characters()), st.text())
def test_a_longer_text_is_no_shorter(text: str, more: str) -> None:
    """An empty text has 0 tokens, any other at least 1, and a longer one never fewer."""
    assert estimate_tokens("") == 0
    assert (
        estimate_tokens(text)
        <= estimate_tokens(text + more)
        <= estimate_tokens(text) + estimate_tokens(more) + 1
    )
    assert (estimate_tokens(text) > 0) == bool(text)


def request(*messages: Any, **fields: Any) -> Any:
    return {"model": "m", "messages": [*messages], **fields}


def test_everything_that_is_sent_counts() -> None:
    """Messages, calls, tools, media and the response format each increase the estimate."""
    user = {"role": "user", "content": "Hello there"}
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.test"}}]}
    file = {"role": "user", "content": [{"type": "file", "file": {"file_data": "JVBERi0=" * 9_000}}]}
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": '{"q": 1}'}}
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    shape = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    bare = estimate_request(request(user))

    assert 5 <= bare <= 10
    assert (
        estimate_request(request(user, {"role": "assistant", "content": None, "tool_calls": [call]}))
        > bare + 8
    )
    assert estimate_request(request(user, tools=[tool])) > bare + 15
    assert estimate_request(request(user, response_format=shape)) > bare + 15
    assert 1_000 < estimate_request(request(image)) < 1_500
    assert 1_500 < estimate_request(request(file)) < 4_000


def test_invalid_values_add_no_tokens() -> None:
    """Values that are not text, parts or messages add nothing and raise nothing."""
    assert (
        estimate_request(request({"role": "user", "content": [None, 1, {"type": "x"}, {"type": "text"}]}))
        == 4
    )
    assert estimate_request({}) == 0
