"""Invalid overlay files: each error names file, line and key."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaultcore.catalog import address
from vaultcore.catalog.document import MAX_BYTES, ConfigNode, parse
from vaultcore.catalog.load import load_bytes
from vaultcore.errors import ConfigError

BROKEN = [  # text, line, key, part of the message
    ("a: [", 2, None, "not valid YAML"),
    ("- 1", 1, None, "mapping"),
    ("providers:\n  openai:\n    base_ulr: x", 3, "providers.openai.base_ulr", "did you mean base_url?"),
    ("provider: {}", 1, "provider", "did you mean providers?"),
    (
        "providers:\n- name: X\n  baseURL: https://x.example",
        3,
        "providers[0].baseURL",
        "did you mean baseUrl?",
    ),
    ("providers: {openai: {dialect: opnai}}", 1, "providers.openai.dialect", "openai, responses"),
    ("providers:\n  own:\n    env: X", 2, "providers.own", "no base_url"),
    ("providers: 5", 1, "providers", "must be a mapping, not a number"),
    ("providers: {openai: }", 1, "providers.openai", "must be a mapping, not empty"),
    ("providers: {openai: {env: 5}}", 1, "providers.openai.env", "put it in quotes"),
    (
        "providers: {openai: {prefixes: {a: b}}}",
        1,
        "providers.openai.prefixes",
        "must be text, not a mapping",
    ),
    ("providers: {openai: {prefixes: ['*']}}", 1, "providers.openai.prefixes", "empty prefix"),
    ("providers: {openai: {fallback_order: -1}}", 1, "providers.openai.fallback_order", "whole number"),
    ("providers: {openai: {local: 'yes'}}", 1, "providers.openai.local", "true or false"),
    ("providers: {openai: {}, OPENAI: {}}", 1, "providers.OPENAI", "a second time"),
    ("providers:\n  a: {}\n  a: {}", 3, "providers.a", "set twice"),
    ("providers: {gemini: {}, Google: {}}", 1, "providers.Google", "a second time"),
    ("providers: {openai: {name: other}}", 1, "providers.openai", "a name already"),
    ("providers:\n- baseUrl: https://x.example", 2, "providers[0]", "no name"),
    ("providers: {a b: {}}", 1, "providers.a b", "letters"),
    (
        "providers: {openai: {baseUrl: 'https://a.example', base_url: 'https://b.example'}}",
        1,
        "providers.openai.base_url",
        "repeats base_url",
    ),
    ("providers:\n- name: Gemini\n  authScheme: query", 3, "providers[0].authScheme", "never travel in URLs"),
    ("providers: {openai: {authScheme: basic}}", 1, "providers.openai.authScheme", "bearer, x-api-key"),
    (
        "providers: {openai: {auth: {header: 'a b'}}}",
        1,
        "providers.openai.auth.header",
        "not a valid header name",
    ),
    ("providers: {openai: {auth: {prefix: 'Key '}}}", 1, "providers.openai.auth", "no header"),
    (
        "providers: {openai: {headers: {Authorization: x}}}",
        1,
        "providers.openai.headers.Authorization",
        "in the vault",
    ),
    ('providers: {openai: {headers: {x-a: "b\\r\\nc: d"}}}', 1, "providers.openai.headers.x-a", "printable"),
    ('providers: {openai: {headers: {"x\\n": a}}}', 1, None, "header"),
    (
        "providers: {cloudflare: {params: {account_id: a/../b}}}",
        1,
        "providers.cloudflare.params.account_id",
        "letters, digits",
    ),
    (
        "providers: {cloudflare: {params: {acct: ab}}}",
        1,
        "providers.cloudflare.params",
        "not a placeholder of base_url",
    ),
    ("providers: {openai: {models_path: models}}", 1, "providers.openai.models_path", "begins with /"),
    ("providers: {openai: {aliases: [groq]}}", 1, None, "another provider"),
    ("models: {a: opena/gpt-4o}", 1, "models.a", "did you mean openai?"),
    ("models: {a: no-such-model}", 1, "models.a", "provider/model"),
    ("models: {a: openai/}", 1, "models.a", "no model"),
    ("models: {a: {}}", 1, "models.a", "neither"),
    ("models: {a: {targets: []}}", 1, "models.a.targets", "1 to"),
    ("models: {a: {targets: [openai/x], primary: openai/y}}", 1, "models.a.primary", "one or the other"),
    ("models: {a: {targets: [openai/x, openai/x]}}", 1, "models.a.targets", "more than once"),
    ("models: {a: {fallbacks: [openai/x]}}", 1, "models.a", "neither"),
    ("models: {a: {targets: [{model: x}]}}", 1, "models.a.targets[0]", "must have a target"),
    (
        "models: {a: {targets: [{target: openai/x, weight: 1.5}]}}",
        1,
        "models.a.targets[0].weight",
        "whole number",
    ),
    ("models: {a: {primary: openai/x, cache: always}}", 1, "models.a.cache", "must be one of"),
    ("models: {a: {primary: openai/x, strategy: random}}", 1, "models.a.strategy", "must be one of"),
    ("models: {'': openai/x}", 1, None, "1 to 256"),
    ("aliases: {a: nothing-here}", 1, "aliases.a", "not a model or route"),
    ("aliases: {a: gpt-4o}\nmodels: {a: openai/x}", 1, "aliases.a", "already the name of a route"),
    ("prices: {openai/x: {input: -1, output: 2}}", 1, "prices.openai/x.input", "price from 0"),
    ("prices: {openai/x: {input: .nan, output: 2}}", 1, "prices.openai/x.input", "price from 0"),
    ("prices: {openai/x: {input: .inf, output: 2}}", 1, "prices.openai/x.input", "price from 0"),
    ("prices: {openai/x: {input: true, output: 2}}", 1, "prices.openai/x.input", "price from 0"),
    ("prices: {openai/x: {input: 1}}", 1, "prices.openai/x", "no output price"),
    ("prices: {x: {input: 1, output: 1}}", 1, "prices.x", "unknown provider"),
    ("prices: {openai: {input: 1, output: 1}}", 1, "prices.openai", "provider/model"),
    ("x: !!python/object/apply:os.system [id]", 1, "x", "not a known key"),
    (
        "providers: {openai: {title: !!python/name:os.system ''}}",
        1,
        "providers.openai.title",
        "not a plain value",
    ),
    ("providers: {openai: {title: !!binary aGk=}}", 1, "providers.openai.title", "not a plain value"),
    ("? [a]\n: b", 1, None, "not text"),
    ("---\na: 1\n---\nb: 1", 3, None, "another document"),
    ("a: &b [*b]", 1, None, "fewer YAML aliases"),
]


@pytest.mark.parametrize(("text", "line", "key", "message"), BROKEN, ids=[case[0][:60] for case in BROKEN])
def test_an_invalid_file_is_rejected_with_the_position(
    text: str, line: int, key: str | None, message: str
) -> None:
    """A ConfigError names file, line and key, and the problem."""
    with pytest.raises(ConfigError) as refused:
        load_bytes(text.encode(), "own.yaml")

    assert refused.value.file == "own.yaml"
    assert refused.value.line == line
    assert key is None or refused.value.key == key
    assert message in str(refused.value)
    assert str(refused.value).startswith(f"own.yaml:{line}: ")
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: b\nc: \xff", "own.yaml:2: is not UTF-8"),
        (b"\xff\xfea\0:\0", "is not UTF-8"),
        (b"a: '\x00'", "not valid YAML"),
        (b"a: " + b"x" * MAX_BYTES, "larger than"),
        (b"[" * 500_000, "nested more than 24 levels deep"),
        (b"{a: " * 100_000, "nested more than 24 levels deep"),
        (b"providers: {openai: {fallback_order: " + b"9" * 100_000 + b"}}", "not a plain value"),
    ],
)
def test_unreadable_bytes_are_rejected(data: bytes, message: str) -> None:
    """Bytes that are not UTF-8, too large, too deep, or contain an enormous number are rejected."""
    with pytest.raises(ConfigError, match=message):
        load_bytes(data, "own.yaml")


def test_yaml_aliases_cannot_expand_without_limit() -> None:
    """Nested YAML aliases are counted in expanded form before they are built."""
    layers = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    layers += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    with pytest.raises(ConfigError, match="fewer YAML aliases"):
        parse("\n".join(layers).encode(), "own.yaml")


def test_yaml_aliases_are_read() -> None:
    """Anchors and aliases are part of YAML."""
    part = parse(b"a: &x [1, {b: c}]\nd: *x", "own.yaml")

    assert part.plain() == {"a": [1, {"b": "c"}], "d": [1, {"b": "c"}]}


UNSAFE = [
    "http://api.example.com/v1",
    "ftp://api.example.com",
    "//api.example.com",
    "api.example.com/v1",
    "https://",
    "https://user@api.example.com",
    "https://user:word@api.example.com",
    "https://@api.example.com",
    "https://api.example.com/v1?key=1",
    "https://api.example.com/v1?",
    "https://api.example.com/v1#x",
    "https://127.0.0.1/v1",
    "https://localhost/v1",
    "https://x.localhost",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://169.254.169.254/latest",
    "https://[fe80::1]/",
    "https://0.0.0.0/",
    "https://[::]/",
    "https://224.0.0.1/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://127.1/",
    "https://0x7f000001/",
    "https://1/",
    "https://a..b/",
    "https://-a.example/",
    "https://a b.example/",
    "https://a.example:0/",
    "https://a.example:x/",
    "https://a.example:99999/",
    "https://[::1",
    "https://a.example/../b",
    "https://a.example/a b",
    "https://a.example/\u00e9",
    "https://a.example\\@evil.example/",
    "https://a.example/%2e%2e/",
    "https://{/v1",
    "https://{a.b}/v1",
    "https://{0}.example/v1",
    "https://{a!r}.example/v1",
    "https://{a:>9}.example/",
    "https://a.example/}",
    "https://a.example/\n",
    "https://a.example/" + "x" * 3_000,
]


@pytest.mark.parametrize("url", UNSAFE)
def test_unsafe_base_urls_are_rejected(url: str) -> None:
    """Only https to a public host name is allowed: no credentials, no query, no numeric hosts."""
    with pytest.raises(ValueError, match=r"^(must|has|points|is) "):
        address.check(url, local=False)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/v1", "http://localhost:11434/v1", "http://[::1]:1/v1", "https://localhost/v1"],
)
def test_local_allows_loopback_only(url: str) -> None:
    """`local: true` allows loopback addresses and plain http, and nothing else."""
    assert address.check(f"{url}/", local=True) == url
    for other in ("http://192.168.1.5/v1", "http://other.example/v1", "http://127.1/v1", "http://0.0.0.0/"):
        with pytest.raises(ValueError, match=r"must be https|invalid host name|unspecified"):
            address.check(other, local=True)


KEYS = [
    *(
        "providers",
        "models",
        "aliases",
        "prices",
        "openai",
        "openai/x",
        "a",
        "name",
        "base_url",
        "baseUrl",
        "auth",
    ),
    *("headers", "params", "targets", "primary", "prefixes", "defaults", "rename", "input", "output"),
]
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.sampled_from(KEYS))
YAML = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)


@given(document=YAML)
@settings(deadline=None, max_examples=300)
def test_any_document_loads_or_is_rejected(document: object) -> None:
    """Any document gives a catalog or a ConfigError."""
    _load_or_reject(json.dumps(document).encode())


@given(data=st.binary(max_size=200))
@settings(deadline=None, max_examples=300)
def test_any_bytes_load_or_are_rejected(data: bytes) -> None:
    """Any bytes give a catalog or a ConfigError."""
    _load_or_reject(data)


def _load_or_reject(data: bytes) -> None:
    with suppress(ConfigError):
        load_bytes(data, "own.yaml")


@pytest.mark.parametrize(
    ("value", "kind"), [(None, "empty"), (True, "true or false"), ([], "a list"), ({}, "a mapping")]
)
def test_an_error_names_the_kind_of_the_value(
    value: bool | list[ConfigNode] | dict[str, ConfigNode] | None, kind: str
) -> None:
    """An error names the kind of the value in an operator's words, not a Python type."""
    with pytest.raises(ConfigError, match=f"not {kind}"):
        ConfigNode(value, "own.yaml", 1, "k").text()
