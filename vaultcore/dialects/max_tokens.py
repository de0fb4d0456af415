"""Holds the requested length of a response to what the model can write: providers reject more."""

from __future__ import annotations

from vaultcore.catalog.schema import Model
from vaultcore.dialects import Change
from vaultcore.wire import Json

FIELDS = ("max_completion_tokens", "max_tokens")


def clamp_max_tokens(fields: Json, model: Model, changes: list[Change]) -> None:
    """Lower the limits of a request in chat form to the model's maximum, in place."""
    limit = model.max_output_tokens
    for name in FIELDS:
        requested = fields.get(name)
        if limit and isinstance(requested, int) and requested > limit:
            fields[name] = limit
            reason = f"{model.name} writes at most {limit} tokens"
            changes.append(Change(name, "clamped", reason, requested, limit))
