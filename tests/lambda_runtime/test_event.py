from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vaultcore.lambda_runtime.event import is_http, placed, scope

EVENTS = Path(__file__).parents[2] / "events"


def event(name: str, **changes: Any) -> dict[str, Any]:
    return {**json.loads((EVENTS / f"{name}.json").read_text("utf-8")), **changes}


def headers(event: dict[str, Any]) -> dict[bytes, bytes]:
    return dict(scope(event)[0]["headers"])


def test_rest_event() -> None:
    """A REST API's event becomes the scope that a server would have made of the same request."""
    asked = event("chat")
    made, body = scope(asked)

    assert (made["type"], made["method"], made["scheme"]) == ("http", "POST", "https")
    assert (made["root_path"], made["path"]) == ("/prod", "/prod/v1/chat/completions")
    assert made["raw_path"] == b"/prod/v1/chat/completions"
    assert made["client"] == ("203.0.113.7", 0)
    assert made["server"] == ("a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com", 443)
    assert dict(made["headers"])[b"content-type"] == b"application/json"
    assert json.loads(body)["messages"][0]["content"] == "Say hello to Zoë."
    assert made["aws.event"] is asked


@pytest.mark.parametrize("name", ["chat_base64", "http_api_chat", "function_url_chat", "chat_custom_domain"])
def test_every_gateway_carries_the_same_body(name: str) -> None:
    """Plain or in base64, the body is the bytes that the client sent."""
    assert scope(event(name))[1] == scope(event("chat"))[1]


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
def test_prefixes_are_told_from_paths(name: str, root: str, path: str) -> None:
    """A stage's name or a base-path mapping stands in root_path, as ASGI wants it."""
    place = placed(event(name))

    assert (place.root, place.path) == (root, path)


def test_a_stage_may_be_called_like_a_route() -> None:
    """A stage named v1 is told from the /v1 of the API."""
    asked = event("models")
    asked["requestContext"] = {**asked["requestContext"], "stage": "v1", "path": "/v1/v1/models"}

    assert (placed(asked).root, placed(asked).path) == ("/v1", "/v1/v1/models")


def test_a_custom_domain_without_mapping_has_no_prefix() -> None:
    """Where the caller's path is the application's, nothing is taken off it."""
    asked = event("models")
    asked["requestContext"] = {**asked["requestContext"], "path": "/v1/models"}

    assert (placed(asked).root, placed(asked).path) == ("", "/v1/models")


def test_hand_made_events_keep_their_path() -> None:
    """Where resource and parameters contradict the path, the path is believed and the stage taken off."""
    asked = event("models", resource="/{proxy+}", pathParameters={"proxy": "/path/to/resource"})

    assert (placed(asked).root, placed(asked).path) == ("/prod", "/prod/v1/models")
    del asked["requestContext"]["path"]
    assert (placed(asked).root, placed(asked).path) == ("", "/v1/models")


def test_escaped_paths_are_decoded_once_for_path_and_kept_for_raw_path() -> None:
    """A model's name may hold a slash or a space, escaped or not."""
    asked = event(
        "model", path="/v1/models/openai%2Fgpt%204o", pathParameters={"proxy": "models/openai%2Fgpt%204o"}
    )
    asked["requestContext"] = {**asked["requestContext"], "path": "/prod/v1/models/openai%2Fgpt%204o"}
    made, _ = scope(asked)

    assert made["path"] == "/prod/v1/models/openai/gpt 4o"
    assert made["raw_path"] == b"/prod/v1/models/openai/gpt%204o"


def test_queries() -> None:
    """Repeated parameters keep their order; version 2.0 hands the query over as it came."""
    assert scope(event("not_found"))[0]["query_string"] == b"a=1&a=2"
    assert scope(event("function_url_chat"))[0]["query_string"] == b"a=1&a=2"
    single = event("not_found", multiValueQueryStringParameters=None, queryStringParameters={"q": "ä &"})
    assert scope(single)[0]["query_string"] == b"q=%C3%A4+%26"
    assert scope(event("models"))[0]["query_string"] == b""


def test_cookies_and_repeated_headers() -> None:
    """Version 2.0's cookies become one header again; version 1.0's repeated headers stay apart."""
    assert headers(event("function_url_chat"))[b"cookie"] == b"a=1; b=2"
    repeated = event("models", multiValueHeaders={"X-A": ["1", "2"]})
    assert scope(repeated)[0]["headers"] == [(b"x-a", b"1"), (b"x-a", b"2")]
    only_single = event("models", multiValueHeaders=None, headers={"X-A": "1", "X-Forwarded-Proto": "http"})
    assert scope(only_single)[0]["headers"] == [(b"x-a", b"1"), (b"x-forwarded-proto", b"http")]
    assert scope(only_single)[0]["scheme"] == "http"


@pytest.mark.parametrize("key", ["Bearer schlüssel", "Bearer ключ", "Bearer \ud800"])
def test_no_header_text_breaks_a_request(key: str) -> None:
    """Characters beyond Latin-1 arrive as UTF-8 bytes: an odd key is refused as a key, not as a crash."""
    assert headers(event("models", multiValueHeaders=None, headers={"Authorization": key}))[b"authorization"]


def test_lone_surrogates_in_a_body_pass_as_bytes() -> None:
    """A body that is not UTF-8 is the application's to refuse."""
    assert scope(event("chat", body="\ud800"))[1] == b"\xed\xa0\x80"


@pytest.mark.parametrize("missing", [None, ""])
def test_no_body(missing: str | None) -> None:
    """An event without a body has an empty one."""
    assert scope(event("chat", body=missing))[1] == b""


def test_damaged_base64_is_refused() -> None:
    """What is announced as base64 and is none raises, and is not guessed at."""
    with pytest.raises(ValueError, match="base64"):
        scope(event("chat", body="not base64!", isBase64Encoded=True))


@pytest.mark.parametrize("name", [path.stem for path in sorted(EVENTS.glob("*.json"))])
def test_events_beside_the_template_are_recognized(name: str) -> None:
    """Every file in events/ is a request, but for the three that are none."""
    assert is_http(event(name)) == (name not in {"upkeep", "warm_up", "stream_completed"})
