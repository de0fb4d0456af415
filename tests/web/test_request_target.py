"""The request's path and query before any other code reads them."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.web.request_target import normalize_path, prepare, query_key

KEY = "vg_" + "k" * 48


def scope_of(path: str, query: str = "", **more: Any) -> dict[str, Any]:
    scope = {"type": "http", "path": path, "raw_path": path.encode(), "query_string": query.encode()}
    return {**scope, **more}


@pytest.mark.parametrize(
    ("path", "normalized"),
    [
        ("/v1/messages", "/v1/messages"),
        ("/v1/v1/messages", "/v1/messages"),
        ("//v1//messages/", "/v1/messages"),
        ("/v1/v1beta/models/a/b:generateContent", "/v1beta/models/a/b:generateContent"),
        ("/v1/chat/completions///", "/v1/chat/completions"),
        ("/v1/models/a//b", "/v1/models/a//b"),
        ("/", "/"),
        ("//", "/"),
        ("/console/", "/console/"),
        ("/admin/keys/", "/admin/keys/"),
        ("/v10/messages", "/v10/messages"),
    ],
)
def test_a_path_has_one_spelling(path: str, normalized: str) -> None:
    """Repeated versions and slashes, and a slash at the end, are removed from data paths only."""
    scope = scope_of(path)
    prepare(scope, accept_key=False)

    assert normalize_path(path) == normalized
    assert scope["path"] == normalized


def test_a_stage_stays_in_front_of_the_path() -> None:
    """The path below a stage or a custom domain is normalized, the prefix is not."""
    scope = scope_of("/v1/v1/v1/messages/", root_path="/v1")
    prepare(scope, accept_key=False)

    assert scope["path"] == "/v1/v1/messages"


@pytest.mark.parametrize("accept_key", [True, False])
@pytest.mark.parametrize(
    ("query", "rest"),
    [
        (f"key={KEY}", ""),
        (f"alt=sse&key={KEY}", "alt=sse"),
        (f"key={KEY}&alt=sse&key=second", "alt=sse"),
        (f"%6Bey={KEY}&a=%26", "a=%26"),
        (f"$key={KEY}&a", "a"),
    ],
)
def test_no_key_stays_in_the_scope(query: str, rest: str, accept_key: bool) -> None:
    """A key is cut from query, raw path and Lambda event, whether it is accepted or not."""
    event = {
        "queryStringParameters": {"key": KEY, "alt": "sse"},
        "multiValueQueryStringParameters": {"key": [KEY], "alt": ["sse"]},
        "rawQueryString": query,
    }
    path = "/v1beta/models"
    scope = scope_of(path, query, **{"aws.event": event})
    scope["raw_path"] = f"{path}?{query}".encode()
    prepare(scope, accept_key=accept_key)

    assert scope["query_string"] == rest.encode()
    assert query_key(scope) == (KEY if accept_key else None)
    scope.pop("vaultedge.query_key", None)
    assert KEY not in repr(scope)


@pytest.mark.parametrize("key", ["ve-" + "5" * 40, "va-" + "6" * 40, "AIzaSy", ""])
def test_only_virtual_keys_are_accepted(key: str) -> None:
    """Another key in the query is removed and not used."""
    scope = scope_of("/v1beta/models", f"key={key}")
    prepare(scope, accept_key=True)

    assert query_key(scope) is None
    assert scope["query_string"] == b""


def test_other_paths_keep_their_queries() -> None:
    """Parameters named `key` of other paths, such as the admin API's filters, stay."""
    scope = scope_of("/admin/usage", "key=k_123")
    prepare(scope, accept_key=True)

    assert scope["query_string"] == b"key=k_123"
