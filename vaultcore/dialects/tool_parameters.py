"""The parameters of a tool, as providers take them that want the schema of an object, whatever was told."""

from __future__ import annotations

from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

ANY_OBJECT: Json = {"type": "object", "properties": {}}


def schema(told: object, path: str) -> Json:
    """The schema of the parameters of the tool at a path. Raises where they are none."""
    if told is None or told == {}:
        return dict(ANY_OBJECT)
    if not isinstance(told, dict):
        raise InvalidRequest("parameters must be an object", param=f"{path}.function.parameters")
    return told if told.get("type") == "object" else {**told, "type": "object"}
