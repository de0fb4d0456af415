"""Files that are refused: with their name, the line and the key."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaultcore.catalog import address
from vaultcore.catalog.document import MAX_BYTES, Part, parse
from vaultcore.catalog.load import overlaid
from vaultcore.errors import ConfigError

BROKEN = [  # text, line, key, part of the message
    ("a: [", 2, None, "not YAML"),
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
    ("providers: {openai: {prefixes: ['*']}}", 1, "providers.openai.prefixes", "every name"),
    ("providers: {openai: {fallback_order: -1}}", 1, "providers.openai.fallback_order", "whole number"),
    ("providers: {openai: {local: 'yes'}}", 1, "providers.openai.local", "true or false"),
    ("providers: {openai: {}, OPENAI: {}}", 1, "providers.OPENAI", "a second time"),
    ("providers:\n  a: {}\n  a: {}", 3, "providers.a", "twice"),
    ("providers: {gemini: {}, Google: {}}", 1, "providers.Google", "a second time"),
    ("providers: {openai: {name: other}}", 1, "providers.openai", "a name already"),
    ("providers:\n- baseUrl: https://x.example", 2, "providers[0]", "no name"),
    ("providers: {a b: {}}", 1, "providers.a b", "letters"),
    (
        "providers: {openai: {baseUrl: 'https://a.example', base_url: 'https://b.example'}}",
        1,
        "providers.openai.base_url",
        "says again",
    ),
    ("providers:\n- name: Gemini\n  authScheme: query", 3, "providers[0].authScheme", "never travel in URLs"),
    ("providers: {openai: {authScheme: basic}}", 1, "providers.openai.authScheme", "bearer, x-api-key"),
    (
        "providers: {openai: {auth: {header: 'a b'}}}",
        1,
        "providers.openai.auth.header",
        "no name of a header",
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
    ("providers: {cloudflare: {params: {acct: ab}}}", 1, "providers.cloudflare.params", "does not ask for"),
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
    ("models: {a: {primary: openai/x, strategy: random}}", 1, "models.a.strategy", "must be one of"),
    ("models: {'': openai/x}", 1, None, "1 to 256"),
    ("aliases: {a: nothing-here}", 1, "aliases.a", "no model here"),
    ("aliases: {a: gpt-4o}\nmodels: {a: openai/x}", 1, "aliases.a", "a route already"),
    ("prices: {openai/x: {input: -1, output: 2}}", 1, "prices.openai/x.input", "price from 0"),
    ("prices: {openai/x: {input: .nan, output: 2}}", 1, "prices.openai/x.input", "price from 0"),
    ("prices: {openai/x: {input: .inf, output: 2}}", 1, "prices.openai/x.input", "price from 0"),
    ("prices: {openai/x: {input: true, output: 2}}", 1, "prices.openai/x.input", "price from 0"),
    ("prices: {openai/x: {input: 1}}", 1, "prices.openai/x", "no output price"),
    ("prices: {x: {input: 1, output: 1}}", 1, "prices.x", "not known here"),
    ("prices: {openai: {input: 1, output: 1}}", 1, "prices.openai", "provider/model"),
    ("x: !!python/object/apply:os.system [id]", 1, "x", "not a key"),
    (
        "providers: {openai: {title: !!python/name:os.system ''}}",
        1,
        "providers.openai.title",
        "no plain value",
    ),
    ("providers: {openai: {title: !!binary aGk=}}", 1, "providers.openai.title", "no plain value"),
    ("? [a]\n: b", 1, None, "not text"),
    ("---\na: 1\n---\nb: 1", 3, None, "another document"),
    ("a: &b [*b]", 1, None, "multiply"),
]


@pytest.mark.parametrize(("text", "line", "key", "message"), BROKEN, ids=[case[0][:60] for case in BROKEN])
def test_a_broken_file_is_refused_where_it_breaks(
    text: str, line: int, key: str | None, message: str
) -> None:
    """One ConfigError: the file, the line, the key, and what is wrong with it."""
    with pytest.raises(ConfigError) as refused:
        overlaid(text.encode(), "own.yaml")

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
        (b"a: '\x00'", "not YAML"),
        (b"a: " + b"x" * MAX_BYTES, "larger than"),
        (b"[" * 500_000, "nested too deeply"),
        (b"{a: " * 100_000, "nested too deeply"),
        (b"providers: {openai: {fallback_order: " + b"9" * 100_000 + b"}}", "no plain value"),
    ],
)
def test_bytes_that_are_no_file_of_ours_are_refused(data: bytes, message: str) -> None:
    """Not UTF-8, too large, too deep, or a number of a hundred thousand digits."""
    with pytest.raises(ConfigError, match=message):
        overlaid(data, "own.yaml")


def test_a_file_cannot_multiply_itself() -> None:
    """Aliases of aliases are counted as what they stand for, before they are built."""
    layers = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    layers += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    with pytest.raises(ConfigError, match="multiply"):
        parse("\n".join(layers).encode(), "own.yaml")


def test_an_alias_within_reason_is_read() -> None:
    """Anchors are part of YAML."""
    part = parse(b"a: &x [1, {b: c}]\nd: *x", "own.yaml")

    assert part.plain() == {"a": [1, {"b": "c"}], "d": [1, {"b": "c"}]}


ELSEWHERE = [
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


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_base_url_that_leads_elsewhere_is_refused(url: str) -> None:
    """Only https to a named or public host: no credentials, no query, no tricks with numbers."""
    with pytest.raises(ValueError, match=r"^(must|has|points|is) "):
        address.check(url, local=False)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/v1", "http://localhost:11434/v1", "http://[::1]:1/v1", "https://localhost/v1"],
)
def test_local_means_this_machine(url: str) -> None:
    """`local: true` permits loopback, also without TLS; nothing else changes."""
    assert address.check(f"{url}/", local=True) == url
    for other in ("http://192.168.1.5/v1", "http://house.example/v1", "http://127.1/v1", "http://0.0.0.0/"):
        with pytest.raises(ValueError, match=r"must be https|proper host|no provider has"):
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
def test_any_document_loads_or_is_refused(document: object) -> None:
    """Whatever the values, of whatever shape: a catalog or a ConfigError."""
    _loads_or_refuses(json.dumps(document).encode())


@given(data=st.binary(max_size=200))
@settings(deadline=None, max_examples=300)
def test_any_bytes_load_or_are_refused(data: bytes) -> None:
    """Whatever the bytes: a catalog or a ConfigError."""
    _loads_or_refuses(data)


def _loads_or_refuses(data: bytes) -> None:
    with suppress(ConfigError):
        overlaid(data, "own.yaml")


@pytest.mark.parametrize(
    ("value", "kind"), [(None, "empty"), (True, "true or false"), ([], "a list"), ({}, "a mapping")]
)
def test_a_refusal_names_what_is_there_instead(
    value: bool | list[Part] | dict[str, Part] | None, kind: str
) -> None:
    """An operator reads what was found, not a type of Python's."""
    with pytest.raises(ConfigError, match=f"not {kind}"):
        Part(value, "own.yaml", 1, "k").text()
