from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vaultcore.lambda_runtime.event import build_scope, is_http, split_path

EVENTS = Path(__file__).parents[2] / "events"


def event(name: str, **changes: Any) -> dict[str, Any]:
    return {**json.loads((EVENTS / f"{name}.json").read_text("utf-8")), **changes}


def headers(event: dict[str, Any]) -> dict[bytes, bytes]:
    return dict(build_scope(event)[0]["headers"])


def test_rest_event() -> None:
    """A REST API's event becomes the scope that a server would build from the same request."""
    request = event("chat")
    scope, body = build_scope(request)

    assert (scope["type"], scope["method"], scope["scheme"]) == ("http", "POST", "https")
    assert (scope["root_path"], scope["path"]) == ("/prod", "/prod/v1/chat/completions")
    assert scope["raw_path"] == b"/prod/v1/chat/completions"
    assert scope["client"] == ("203.0.113.7", 0)
    assert scope["server"] == ("a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com", 443)
    assert dict(scope["headers"])[b"content-type"] == b"application/json"
    assert json.loads(body)["messages"][0]["content"] == "Say hello to Zoë."
    assert scope["aws.event"] is request


@pytest.mark.parametrize("name", ["chat_base64", "http_api_chat", "function_url_chat", "chat_custom_domain"])
def test_every_payload_format_gives_the_same_body(name: str) -> None:
    """Plain or base64, the body is the bytes that the client sent."""
    assert build_scope(event(name))[1] == build_scope(event("chat"))[1]


@pytest.mark.parametrize(
    ("name", "root", "path"),
    [
        ("health", "/prod", "/prod/health"),
        ("chat_custom_domain", "/ai", "/ai/v1/chat/completions"),
        ("http_api_models", "/prod", "/prod/v1/models"),
        ("http_api_chat", "", "/v1/chat/completions"),
        ("function_url_chat", "", "/v1/chat/completions"),
        ("console", "/prod", "/prod/console"),
    ],
)
def test_prefixes_are_split_from_paths(name: str, root: str, path: str) -> None:
    """A stage's name or a base-path mapping becomes root_path, as ASGI requires."""
    split = split_path(event(name))

    assert (split.root, split.full) == (root, path)


def test_a_stage_may_have_the_name_of_a_route() -> None:
    """A stage named v1 is distinguished from the /v1 of the API."""
    request = event("models")
    request["requestContext"] = {**request["requestContext"], "stage": "v1", "path": "/v1/v1/models"}

    assert (split_path(request).root, split_path(request).full) == ("/v1", "/v1/v1/models")


def test_a_custom_domain_without_mapping_has_no_prefix() -> None:
    """If the caller's path is the application's path, there is no prefix."""
    request = event("models")
    request["requestContext"] = {**request["requestContext"], "path": "/v1/models"}

    assert (split_path(request).root, split_path(request).full) == ("", "/v1/models")


def test_hand_written_events_keep_their_path() -> None:
    """If resource and parameters contradict the path, the path counts and only the stage is a prefix."""
    request = event("models", resource="/{proxy+}", pathParameters={"proxy": "/path/to/resource"})

    assert (split_path(request).root, split_path(request).full) == ("/prod", "/prod/v1/models")
    del request["requestContext"]["path"]
    assert (split_path(request).root, split_path(request).full) == ("", "/v1/models")


def test_paths_are_decoded_once_and_raw_paths_stay_encoded() -> None:
    """A model's name may contain a slash or a space, percent-encoded or not."""
    request = event(
        "model", path="/v1/models/openai%2Fgpt%204o", pathParameters={"proxy": "models/openai%2Fgpt%204o"}
    )
    request["requestContext"] = {**request["requestContext"], "path": "/prod/v1/models/openai%2Fgpt%204o"}
    scope, _ = build_scope(request)

    assert scope["path"] == "/prod/v1/models/openai/gpt 4o"
    assert scope["raw_path"] == b"/prod/v1/models/openai/gpt%204o"


def test_queries() -> None:
    """Repeated parameters keep their order; format 2.0 has the raw query string."""
    assert build_scope(event("not_found"))[0]["query_string"] == b"a=1&a=2"
    assert build_scope(event("function_url_chat"))[0]["query_string"] == b"a=1&a=2"
    single = event("not_found", multiValueQueryStringParameters=None, queryStringParameters={"q": "ä &"})
    assert build_scope(single)[0]["query_string"] == b"q=%C3%A4+%26"
    assert build_scope(event("models"))[0]["query_string"] == b""


def test_cookies_and_repeated_headers() -> None:
    """Format 2.0's cookies become one header; format 1.0's repeated headers stay separate."""
    assert headers(event("function_url_chat"))[b"cookie"] == b"a=1; b=2"
    repeated = event("models", multiValueHeaders={"X-A": ["1", "2"]})
    assert build_scope(repeated)[0]["headers"] == [(b"x-a", b"1"), (b"x-a", b"2")]
    only_single = event("models", multiValueHeaders=None, headers={"X-A": "1", "X-Forwarded-Proto": "http"})
    assert build_scope(only_single)[0]["headers"] == [(b"x-a", b"1"), (b"x-forwarded-proto", b"http")]
    assert build_scope(only_single)[0]["scheme"] == "http"


@pytest.mark.parametrize("key", ["Bearer schlüssel", "Bearer ключ", "Bearer \ud800"])
def test_any_header_text_is_accepted(key: str) -> None:
    """Characters outside Latin-1 become UTF-8 bytes, so an odd key is rejected and does not crash."""
    assert headers(event("models", multiValueHeaders=None, headers={"Authorization": key}))[b"authorization"]


def test_lone_surrogates_in_a_body_become_bytes() -> None:
    """A body that is not UTF-8 reaches the application, which rejects it."""
    assert build_scope(event("chat", body="\ud800"))[1] == b"\xed\xa0\x80"


@pytest.mark.parametrize("missing", [None, ""])
def test_no_body(missing: str | None) -> None:
    """An event without a body has an empty one."""
    assert build_scope(event("chat", body=missing))[1] == b""


def test_invalid_base64_raises() -> None:
    """A body that is marked as base64 but invalid raises ValueError."""
    with pytest.raises(ValueError, match="base64"):
        build_scope(event("chat", body="not base64!", isBase64Encoded=True))


@pytest.mark.parametrize("name", [path.stem for path in sorted(EVENTS.glob("*.json"))])
def test_events_beside_the_template_are_recognized(name: str) -> None:
    """Every file in events/ is an HTTP request, except three."""
    assert is_http(event(name)) == (name not in {"upkeep", "warm_up", "stream_completed"})
