"""Properties of every rendered Converse request, for random conversations; rejected requests."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.test_no_silent_loss import MODELS, silent_losses
from tests.fakes.parameters import PARAMETERS, Parameter
from tests.fakes.rendering import render_body
from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.client_apis import chat
from vaultcore.dialects import bedrock
from vaultcore.dialects.bedrock.publisher import PUBLISHERS, UNKNOWN, find_publisher
from vaultcore.errors import InvalidRequest

INPUT = (
    botocore.session.get_session()
    .get_service_model("bedrock-runtime")
    .operation_model("Converse")
    .input_shape
)
PROVIDER = Provider("bedrock", "https://bedrock.test", dialect="bedrock")
NAMES = [
    "eu.anthropic.claude-x",
    "amazon.nova-x",
    "openai.gpt-x",
    "mistral.x",
    "meta.llama-x",
    "qwen.x",
    "other.x",
]
PNG = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0xLjQK"
CACHE = {"cache_control": {"type": "ephemeral"}}

texts = st.sampled_from(["", " ", "hello", "two\nlines", "Grüße 🌍", "end \n"])
parts = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, texts),
    st.builds(lambda text: {"type": "text", "text": text, **CACHE}, texts),
    st.just({"type": "image_url", "image_url": {"url": PNG}}),
    st.just({"type": "image_url", "image_url": "s3://bucket-one/cat.jpg"}),
    st.just({"type": "file", "file": {"file_data": PDF, "filename": "a/b: ü.pdf"}}),
    st.just({"type": "file", "file": {"file_data": "data:text/markdown,%23%20a"}}),
)
contents = st.one_of(texts, st.lists(parts, max_size=3))
ids = st.sampled_from(["call_1", "call_2", "functions.f:0", "ü", "call_1 ", "x" * 99])
calls = st.builds(
    lambda key, name, arguments: {
        "id": key,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    },
    ids,
    st.sampled_from(["look", "find it", "n" * 99]),
    st.sampled_from(["", "{}", '{"a": [1, {"b": null}]}', "[1]", "null", "{broken", '{"n": NaN}']),
)
reasoning = st.sampled_from(
    [
        [],
        [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}],
        [{"type": "thinking", "thinking": "hm"}],
        [
            {"type": "redacted_thinking", "data": "ZGF0YQ=="},
            {"type": "thinking", "thinking": "", "signature": "cw"},
        ],
    ]
)
messages = st.one_of(
    st.builds(lambda content: {"role": "user", "content": content}, contents),
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["system", "developer"]),
        texts,
    ),
    st.builds(
        lambda content, calls, reasoning: {
            "role": "assistant",
            "content": content,
            **({"tool_calls": calls} if calls else {}),
            **({"thinking_blocks": reasoning} if reasoning else {}),
        },
        texts,
        st.lists(calls, max_size=3),
        reasoning,
    ),
    st.builds(lambda key, content: {"role": "tool", "tool_call_id": key, "content": content}, ids, contents),
)
tools = [
    {
        "type": "function",
        "function": {"name": "look", "description": "", "parameters": {"properties": {}}},
        **CACHE,
    }
]
shapes = [
    {"type": "json_object"},
    {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "maxProperties": 2}}},
]
fields = st.fixed_dictionaries(
    {},
    optional={
        "tools": st.just(tools),
        "temperature": st.floats(-1, 2),
        "top_p": st.floats(0, 1),
        "top_k": st.integers(0, 99),
        "stop": st.sampled_from(["x", ["a", " ", "a"]]),
        "max_tokens": st.sampled_from([1, 1024, 1025, 9000]),
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
        "parallel_tool_calls": st.booleans(),
        "metadata": st.sampled_from([{}, {"a": "b"}, {"ü": "b"}, {f"k{i}": "v" for i in range(40)}]),
        "service_tier": st.sampled_from(["auto", "default", "flex", "priority", "scale"]),
        "response_format": st.sampled_from(shapes),
        "web_search_options": st.just({}),
    },
)
flags = st.sampled_from([None, True, False])
capability_sets = st.builds(
    Capabilities,
    tools=flags,
    forced_tool_use=flags,
    structured_output=flags,
    prefill=flags,
    sampling_params=flags,
    mid_conversation_system=flags,
    prompt_cache=flags,
    system=flags,
    thinking=st.sampled_from([None, "none", "budget", "adaptive", "always"]),
    effort_levels=st.sampled_from([(), ("low", "high"), ("low", "medium", "high", "xhigh", "max")]),
)


@st.composite
def rendered(draw: st.DrawFn) -> tuple[dict[str, Any], Target]:
    request = {"model": "m", "messages": draw(st.lists(messages, min_size=1, max_size=8)), **draw(fields)}
    if "tools" in request:
        request["tool_choice"] = draw(st.sampled_from(["auto", "none", "required"]))
    capabilities = draw(capability_sets)
    target = Target(
        PROVIDER, Model(draw(st.sampled_from(NAMES)), max_output_tokens=32_000, capabilities=capabilities)
    )
    return render_body(bedrock, request, target), target


def validation_errors(body: dict[str, Any]) -> str:
    """Return the errors of botocore's validator for a body."""
    return str(ParamValidator().validate({"modelId": "m", **body}, INPUT).generate_report())


def blocks(body: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [block[kind] for message in body["messages"] for block in message["content"] if kind in block]


@pytest.mark.parametrize(
    "invalid",
    [
        {"messages": [{"role": "user", "content": [{"txt": "a"}]}]},
        {"messages": [{"role": "user", "content": [{"image": {"format": "png"}}]}]},
        {"system": [{"text": ""}]},
        {"inferenceConfig": {"maxTokens": 0}},
    ],
)
def test_the_validator_rejects_invalid_requests(invalid: dict[str, Any]) -> None:
    """botocore's validator rejects an error deep inside a request."""
    assert validation_errors({"messages": [], **invalid})


@settings(max_examples=300, deadline=None)
@given(rendered())
def test_bodies_match_the_service_model(drawn: tuple[dict[str, Any], Target]) -> None:
    """Every request matches botocore's service model and is JSON."""
    body, _ = drawn

    assert validation_errors(body) == ""
    assert all(re.fullmatch(r"[a-zA-Z0-9_.:-]{1,64}", use["toolUseId"]) for use in blocks(body, "toolUse"))
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", use["name"]) for use in blocks(body, "toolUse"))
    json.dumps(body, allow_nan=False)


@settings(max_examples=300, deadline=None)
@given(rendered())
def test_b05_b10_conversations_are_well_formed(drawn: tuple[dict[str, Any], Target]) -> None:
    """The user is first, roles alternate, no message or text is blank, every call has its result next."""
    body, target = drawn
    conversation = [message for message in body["messages"] if message["role"] != "system"]
    call_ids: set[str] = set()

    assert conversation[0]["role"] == "user"
    for message, after in zip(conversation, [*conversation[1:], {"role": "", "content": []}], strict=True):
        assert message["content"]
        assert message["role"] != after["role"]
        assert all(block["text"].strip() for block in message["content"] if "text" in block)
        calls_made = [block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block]
        results = [block["toolResult"] for block in after["content"] if "toolResult" in block]
        assert sorted(calls_made) == sorted(result["toolUseId"] for result in results)
        assert all(result["content"] for result in results)
        assert call_ids.isdisjoint(calls_made)
        call_ids.update(calls_made)
        if results and not find_publisher(target.model.name).mixes_results:
            assert all("toolResult" in block for block in after["content"])
    assert not call_ids or "toolConfig" in body or target.model.capabilities.tools is False


@settings(max_examples=200, deadline=None)
@given(rendered())
def test_b14_b20_documents_and_cache_points(drawn: tuple[dict[str, Any], Target]) -> None:
    """Document names are safe and unique, messages with documents have text, cache points are limited."""
    body, _ = drawn
    names = [document["name"] for document in blocks(body, "document")]
    other_parts = [*body.get("system", ()), *body.get("toolConfig", {}).get("tools", ())]

    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"(?!.*\s\s)[A-Za-z0-9\s()\[\]_-]{1,200}", name) for name in names)
    for message in body["messages"]:
        kinds = {kind for block in message["content"] for kind in block}
        assert "document" not in kinds or "text" in kinds
        assert "cachePoint" not in message["content"][0]
    assert not body.get("system") or "cachePoint" not in body["system"][0]
    assert len(blocks(body, "cachePoint")) + sum("cachePoint" in each for each in other_parts) <= 4


BLANK = {"type": "text", "text": " ", **CACHE}
RESULT = {
    "role": "tool",
    "tool_call_id": "c",
    "content": [{"type": "text", "text": "found", **CACHE}],
}
CALL = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}


@pytest.mark.parametrize("publisher", ["eu.anthropic.claude-x", "mistral.x"])
@pytest.mark.parametrize(
    "conversation",
    [
        [{"role": "user", "content": [BLANK, {"type": "image_url", "image_url": {"url": PNG}}]}],
        [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": [BLANK], "tool_calls": [CALL]},
            RESULT,
        ],
        [
            {"role": "user", "content": "a"},
            {"role": "assistant", "tool_calls": [CALL]},
            RESULT,
            {"role": "user", "content": "b"},
        ],
        [{"role": "system", "content": [BLANK]}, {"role": "user", "content": "a"}],
    ],
)
def test_no_message_starts_with_a_cache_point(conversation: list[dict[str, Any]], publisher: str) -> None:
    """A cache point follows content: one whose content is not sent, or is sent elsewhere, is dropped."""
    model = Model(publisher, capabilities=Capabilities(prompt_cache=True))
    body = bedrock.render_request(
        chat.parse_request({"model": "m", "messages": conversation}), Target(PROVIDER, model)
    ).body

    firsts = [message["content"][0] for message in body["messages"]] + body.get("system", [])[:1]
    assert all("cachePoint" not in first for first in firsts)


@settings(max_examples=200, deadline=None)
@given(rendered())
def test_b17_reasoning_has_valid_settings(drawn: tuple[dict[str, Any], Target]) -> None:
    """A budget is at least 1,024 tokens and below the limit; reasoning excludes forced tools and sampling."""
    body, _ = drawn
    thinking = body.get("additionalModelRequestFields", {}).get("thinking") or {}
    limits = body.get("inferenceConfig", {})

    if thinking.get("type") == "enabled":
        assert 1_024 <= thinking["budget_tokens"] < limits["maxTokens"]
    if thinking.get("type") in {"enabled", "adaptive"}:
        assert body.get("toolConfig", {}).get("toolChoice", {"auto": {}}).keys() == {"auto"}
        assert limits.keys().isdisjoint({"temperature", "topP"})


@pytest.mark.parametrize("parameter", PARAMETERS, ids=str)
@pytest.mark.parametrize("publisher", ["anthropic", "amazon", "openai", "mistral"])
def test_every_publisher_sends_or_reports_parameters(publisher: str, parameter: Parameter) -> None:
    """Every parameter changes the request, is reported or is rejected, for the models of every publisher."""
    models = [
        Model(f"{publisher}.{each.name}", max_output_tokens=9_000, capabilities=each.capabilities)
        for each in MODELS
    ]
    missing = [each for model in models for each in silent_losses(parameter, Target(PROVIDER, model))]

    assert [each for each in missing if not each.startswith("function")] == []


@pytest.mark.parametrize(
    ("model", "publisher"),
    [
        ("anthropic.claude-x-v1:0", "anthropic"),
        ("us-gov.anthropic.claude-x", "anthropic"),
        ("arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0", "amazon"),
        ("arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-x", "meta"),
    ],
)
def test_b02_publishers_are_found_in_any_model_id(model: str, publisher: str) -> None:
    """A model id with a region prefix or an ARN has its publisher; an unknown ARN has none."""
    assert find_publisher(model) is PUBLISHERS[publisher]
    assert (
        find_publisher("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc") is UNKNOWN
    )


@pytest.mark.parametrize(
    ("model", "stream", "path"),
    [
        ("amazon.nova-lite-v1:0", False, "/model/amazon.nova-lite-v1%3A0/converse"),
        ("amazon.nova-lite-v1:0", True, "/model/amazon.nova-lite-v1%3A0/converse-stream"),
        ("a/b c?d#e%2F", False, "/model/a%2Fb%20c%3Fd%23e%252F/converse"),
    ],
)
def test_b01_a_model_is_one_segment_of_the_path(model: str, stream: bool, path: str) -> None:
    """A model id with any characters stays one segment of the path."""
    rendered_path = bedrock.render_path({"stream": stream}, Target(PROVIDER, Model(model)))

    assert rendered_path == path
    assert unquote(rendered_path.split("/")[2]) == model


def test_b01_a_model_id_of_dots_is_rejected() -> None:
    """A model id that would leave its path segment raises InvalidRequest."""
    with pytest.raises(InvalidRequest):
        bedrock.render_path({}, Target(PROVIDER, Model("..")))


def test_b30_unstreamable_calls_use_a_buffered_request() -> None:
    """A model that cannot stream tool calls gets a buffered request if the request has tools."""
    target = Target(PROVIDER, Model("m", capabilities=Capabilities(streamed_tools=False)))

    assert bedrock.render_path({"stream": True, "tools": tools}, target).endswith("/converse")
    assert bedrock.render_path({"stream": True}, target).endswith("/converse-stream")


@pytest.mark.parametrize(
    ("content", "param"),
    [
        ({"type": "image_url", "image_url": {"url": "https://example.test/a.png"}}, "image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}, "image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,a"}}, "image_url.url"),
        ({"type": "image_url", "image_url": {"url": "s3://bucket/cat"}}, "image_url.url"),
        ({"type": "file", "file": {"file_id": "f"}}, "file.file_data"),
        ({"type": "file", "file": {"file_data": "data:application/zip;base64,UEsDBA=="}}, "file.file_data"),
        (
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "midi"}},
            "input_audio.format",
        ),
        ({"type": "hologram"}, "type"),
    ],
)
def test_b13_unsupported_parts_are_rejected(content: dict[str, Any], param: str) -> None:
    """A content part without a Converse block raises InvalidRequest that names its path."""
    request = chat.parse_request({"model": "m", "messages": [{"role": "user", "content": [content]}]})

    with pytest.raises(InvalidRequest) as caught:
        bedrock.render_request(request, Target(PROVIDER, Model("m")))

    assert caught.value.param == f"messages[0].content[0].{param}"
