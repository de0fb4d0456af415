"""Overlay files in JSON are read as YAML would read them, without the YAML library."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from vaultcore.catalog.document import parse
from vaultcore.catalog.json_document import parse_json
from vaultcore.catalog.load import load_bytes
from vaultcore.errors import ConfigError

OVERLAY = {
    "providers": {
        "acme": {"base_url": "http://127.0.0.1:1/v1", "local": True, "static_models": ["a", "b"]},
    },
    "models": {"fast": {"primary": "acme/a", "fallbacks": ["acme/b"]}},
    "prices": {"acme/a": {"input": 1, "output": 2.5}},
}
TEXTS = (json.dumps(OVERLAY), json.dumps(OVERLAY, indent=2), "{}", '{"aliases": null}', '{"a":"1:2","b":-3}')
OTHERS = (  # JSON that YAML 1.1 reads as something else, or rejects, and text that is not JSON
    *('{"a": 1e3}', '{"a": NaN}', '{"a": "\\ud83d\\ude00"}', '{\t"a": 1}', '{"a": 1, "a": 2}', "[1]", "a: 1"),
    *('{"a": "ä"}', '{"a": "\x7f"}', "{a: 1}", "", '{"a": ' + "[" * 40 + "]" * 40 + "}"),
)


@pytest.mark.parametrize("text", TEXTS)
def test_json_is_read_as_yaml_reads_it(text: str) -> None:
    """Both give the same values and the same paths."""
    root = parse_json(text.encode(), "own.yaml")

    assert root is not None
    assert root.plain() == parse(text.encode(), "own.yaml").plain()
    assert [node.key for node in root.mapping().values()] == list(root.mapping())


@pytest.mark.parametrize("text", OTHERS)
def test_other_text_is_left_to_yaml(text: str) -> None:
    """Text that the formats read differently is not read as JSON."""
    assert parse_json(text.encode(), "own.yaml") is None


def test_an_error_in_json_names_its_line() -> None:
    """An error in a JSON file has the line and the key, as in YAML."""
    text = json.dumps(
        {"providers": {"acme": {"base_url": "http://127.0.0.1:1/v1", "dialect": "x"}}}, indent=1
    )

    with pytest.raises(ConfigError) as raised:
        load_bytes(text.encode(), "own.yaml")
    assert "own.yaml:5" in str(raised.value)
    assert "providers.acme.dialect" in str(raised.value)


def test_a_json_overlay_does_not_import_yaml() -> None:
    """The library is imported only for files that are not JSON."""
    code = f"""
import sys
from vaultcore.catalog.load import load_bytes
load_bytes({json.dumps(OVERLAY).encode()!r}, "own.yaml")
print("yaml" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout == "False\n"
