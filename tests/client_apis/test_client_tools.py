"""Anthropic's tools that the client runs, as functions of other providers."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.client_apis.messages.client_tools import client_function
from vaultcore.client_apis.messages.tools import ToolParser
from vaultcore.dialects import Change

SCREEN = {"display_width_px": 1280, "display_height_px": 800}
# Type and name of a tool, and arguments that a model sends with them.
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("bash_20241022", "bash", {"restart": True}),
    ("bash_20250124", "bash", {"command": "ls"}),
    ("text_editor_20241022", "str_replace_editor", {"command": "undo_edit", "path": "/a"}),
    (
        "text_editor_20250124",
        "str_replace_editor",
        {"command": "insert", "path": "/a", "insert_line": 0, "new_str": "x"},
    ),
    (
        "text_editor_20250429",
        "str_replace_based_edit_tool",
        {"command": "str_replace", "path": "/a", "old_str": "x", "new_str": "y"},
    ),
    (
        "text_editor_20250728",
        "str_replace_based_edit_tool",
        {"command": "insert", "path": "/a", "insert_line": 0, "insert_text": "x"},
    ),
    (
        "memory_20250818",
        "memory",
        {"command": "rename", "old_path": "/a", "new_path": "/b"},
    ),
    ("memory_20250818", "memory", {"command": "create", "path": "/memories/a", "file_text": "x"}),
    ("computer_20241022", "computer", {"action": "screenshot"}),
    (
        "computer_20250124",
        "computer",
        {"action": "scroll", "coordinate": [1, 2], "scroll_direction": "down", "scroll_amount": 3},
    ),
    ("computer_20251124", "computer", {"action": "zoom", "region": [0, 0, 100, 100]}),
]
KINDS = {"string": str, "integer": int, "boolean": bool, "number": float, "array": list}


def accepts(schema: dict[str, Any], arguments: dict[str, Any]) -> bool:
    """Return True if flat arguments follow a schema of an object."""
    properties = schema["properties"]
    return set(schema["required"]) <= set(arguments) <= set(properties) and all(
        isinstance(value, KINDS[properties[name]["type"]]) and value in properties[name].get("enum", [value])
        for name, value in arguments.items()
    )


@pytest.mark.parametrize(("kind", "name", "arguments"), CALLS, ids=[f"{call[0]}-{call[2]}" for call in CALLS])
def test_r31_the_schema_accepts_the_documented_arguments(
    kind: str, name: str, arguments: dict[str, Any]
) -> None:
    """Each version's schema has the fields of Anthropic's documentation; no field is unknown to it."""
    function = client_function({"type": kind, "name": name, **SCREEN, "enable_zoom": True})

    assert function is not None
    assert function["name"] == name
    assert accepts(function["parameters"], arguments)


def test_r31_versions_differ_in_their_fields() -> None:
    """Later editors cannot undo and take `insert_text`; a computer zooms only if that is enabled."""
    editor = client_function({"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"})
    computer = client_function({"type": "computer_20251124", "name": "computer", **SCREEN})

    assert editor is not None
    assert "undo_edit" not in editor["parameters"]["properties"]["command"]["enum"]
    assert computer is not None
    assert "zoom" not in computer["parameters"]["properties"]["action"]["enum"]
    assert "1280 x 800" in computer["description"]


@pytest.mark.parametrize(
    "kind", ["computer_toolset_20260801", "code_execution_20250825", "bash_later", "web_fetch_20250910"]
)
def test_r31_other_tools_of_anthropics_are_left_out(kind: str) -> None:
    """A tool that Anthropic runs, or one without a known schema, is dropped and reported."""
    changes = list[Change]()
    parser = ToolParser(changes)
    parser.add("tools[0]", {"type": kind, "name": "it"})

    assert parser.parsed() == {}
    assert [(change.path, change.kind) for change in changes] == [("tools[0]", "dropped")]


def test_r31_client_tools_are_reported_as_emulated() -> None:
    """The report names the tool and what a function lacks: `strict`, and the examples of inputs."""
    changes = list[Change]()
    parser = ToolParser(changes)
    tool = {"type": "bash_20250124", "name": "bash", "strict": True, "input_examples": [{"command": "ls"}]}
    parser.add("tools[0]", tool)

    assert [function["function"]["name"] for function in parser.parsed()["tools"]] == ["bash"]
    assert {(change.path, change.kind) for change in changes} == {
        ("tools[0]", "emulated"),
        ("tools[0].strict", "dropped"),
        ("tools[0].input_examples", "dropped"),
    }
