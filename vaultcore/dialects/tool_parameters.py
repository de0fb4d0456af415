"""The JSON schema of a tool's parameters, for providers that accept only the schema of an object."""

from __future__ import annotations

from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

ANY_OBJECT: Json = {"type": "object", "properties": {}}


def parameter_schema(parameters: object, path: str) -> Json:
    """Return the schema with `"type": "object"`. Raise InvalidRequest for the tool at `path` otherwise."""
    if parameters is None or parameters == {}:
        return dict(ANY_OBJECT)
    if not isinstance(parameters, dict):
        raise InvalidRequest("parameters must be an object", param=f"{path}.function.parameters")
    return parameters if parameters.get("type") == "object" else {**parameters, "type": "object"}
