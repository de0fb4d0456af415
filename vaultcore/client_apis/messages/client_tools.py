"""Anthropic's tools that the client runs: shell, text editor, memory and computer, as function tools.

A client declares them by type and name only, because Claude knows their schemas. Other models get the schema
too. https://docs.claude.com/en/docs/agents-and-tools/tool-use/overview lists the tools; the versions of a
tool, the dates in its type, differ in a few fields. Calls and results are those of any tool with that name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vaultcore.wire import Json

BASH, EDITOR, MEMORY, COMPUTER = "bash_", "text_editor_", "memory_", "computer_"  # each followed by a date
FAMILIES = (BASH, EDITOR, MEMORY, COMPUTER)
OPTIONS = ("max_characters", "display_width_px", "display_height_px", "display_number", "enable_zoom")
TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer"}
PAIR: Json = {"type": "array", "items": COUNT, "minItems": 2, "maxItems": 2}
LINES: Json = {**PAIR, "description": "For view: first and last line, from 1; -1 is the last of the file."}
POINT: Json = {**PAIR, "description": "x and y in pixels from the upper left corner."}
CORNERS = "For zoom: x and y of the upper left and of the lower right corner."
REGION: Json = {**PAIR, "minItems": 4, "maxItems": 4, "description": CORNERS}
FILE_FIELDS: Json = {
    "path": {"type": "string", "description": "Path of the file or directory."},
    "view_range": LINES,
    "file_text": {"type": "string", "description": "For create: the content of the new file."},
    "old_str": {"type": "string", "description": "For str_replace: the text to replace, which occurs once."},
    "new_str": {"type": "string", "description": "For str_replace: the new text."},
    "insert_line": {"type": "integer", "description": "For insert: the line after which to insert, or 0."},
}
INSERTED: Json = {"type": "string", "description": "For insert: the text to insert."}
EDITOR_COMMANDS = ("view", "create", "str_replace", "insert")
FIRST_EDITORS = ("20241022", "20250124")  # they can undo, and insert `new_str`
FIRST_COMPUTER = "20241022"
ZOOMING_COMPUTER = "20251124"
ACTIONS = (
    *("key", "type", "mouse_move", "left_click", "left_click_drag", "right_click", "middle_click"),
    *("double_click", "screenshot", "cursor_position"),
)
LATER_ACTIONS = ("left_mouse_down", "left_mouse_up", "scroll", "hold_key", "wait", "triple_click")


def client_function(fields: Mapping[str, Any]) -> Json | None:
    """Return the function of a tool that the client runs, None for other tools.

    >>> client_function({"type": "bash_20250124", "name": "bash"})["parameters"]["required"]
    []
    """
    kind, name = fields.get("type"), fields.get("name")
    if not isinstance(kind, str) or not isinstance(name, str):
        return None
    family = next((each for each in FAMILIES if kind.startswith(each)), "")
    version = kind.removeprefix(family)
    if not family or not version.isdigit():
        return None
    build = {BASH: _shell, EDITOR: _editor, MEMORY: _memory, COMPUTER: _computer}[family]
    description, parameters = build(version, fields)
    return {"name": name, "description": description, "parameters": parameters}


def _shell(_version: str, _fields: Mapping[str, Any]) -> tuple[str, Json]:
    properties: Json = {
        "command": {"type": "string", "description": "The command to run. Required unless restart is true."},
        "restart": {"type": "boolean", "description": "True starts the shell anew."},
    }
    description = (
        "Runs a command in a bash session and returns its output. The session keeps its working directory, "
        "variables and files between calls."
    )
    return description, _object(properties, ())


def _editor(version: str, fields: Mapping[str, Any]) -> tuple[str, Json]:
    is_first = version in FIRST_EDITORS
    commands = (*EDITOR_COMMANDS, "undo_edit") if is_first else EDITOR_COMMANDS
    inserted: Json = {} if is_first else {"insert_text": INSERTED}
    properties: Json = {"command": _one_of(commands), **FILE_FIELDS, **inserted}
    if is_first:
        text = "For str_replace: the new text. For insert: the text to insert."
        properties["new_str"] = {"type": "string", "description": text}
    description = (
        "Views and edits text files. view shows a file with line numbers, or lists a directory; create "
        "writes a new file; str_replace replaces a text that occurs once; insert adds text after a line."
    )
    if is_first:
        description += " undo_edit reverts the last edit of the file at path."
    if isinstance(most := fields.get("max_characters"), int):
        description += f" view shows at most {most} characters."
    return description, _object(properties, ("command", "path"))


def _memory(_version: str, _fields: Mapping[str, Any]) -> tuple[str, Json]:
    properties: Json = {
        "command": _one_of((*EDITOR_COMMANDS, "delete", "rename")),
        **FILE_FIELDS,
        "path": {**TEXT, "description": "Path below /memories. Required except for rename."},
        "insert_text": INSERTED,
        "old_path": {**TEXT, "description": "For rename: the present path."},
        "new_path": {**TEXT, "description": "For rename: the new path."},
    }
    description = (
        "Stores and reads notes that outlast this conversation, as files in the directory /memories. View "
        "that directory before other work, and save progress there, because the conversation may be cut."
    )
    return description, _object(properties, ("command",))


def _computer(version: str, fields: Mapping[str, Any]) -> tuple[str, Json]:
    can_zoom = version >= ZOOMING_COMPUTER and fields.get("enable_zoom") is True
    later = () if version == FIRST_COMPUTER else LATER_ACTIONS
    properties: Json = {
        "action": _one_of((*ACTIONS, *later, *(("zoom",) if can_zoom else ()))),
        "coordinate": POINT,
        "text": {**TEXT, "description": "The text to type, or keys in xdotool's form, such as ctrl+s."},
    }
    if later:
        directions = ("up", "down", "left", "right")
        properties |= {
            "start_coordinate": {**POINT, "description": "For left_click_drag: x and y of its start."},
            "scroll_direction": _one_of(directions),
            "scroll_amount": {**COUNT, "description": "For scroll: clicks of the wheel."},
            "duration": {"type": "number", "description": "For wait and hold_key: seconds."},
        }
    properties |= {"region": REGION} if can_zoom else {}
    size = [fields.get(each) for each in ("display_width_px", "display_height_px")]
    description = (
        "Controls the screen, mouse and keyboard of a computer. Take a screenshot to see the screen, and "
        f"click at the middle of what it shows. The screen has {size[0]} x {size[1]} pixels."
    )
    return description, _object(properties, ("action",))


def _one_of(values: Sequence[str]) -> Json:
    return {"type": "string", "enum": [*values]}


def _object(properties: Json, required: Sequence[str]) -> Json:
    return {"type": "object", "properties": properties, "required": [*required]}
