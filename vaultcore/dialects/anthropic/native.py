"""Native requests for a model that the client did not name: a route or an alias has chosen it.

The client knows which form of `thinking` the model accepts that it names, not that of another one.
"""

from __future__ import annotations

from vaultcore.casts import cast
from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change
from vaultcore.dialects.anthropic.reasoning import render_reasoning
from vaultcore.dialects.anthropic.request import DEFAULT_MAX_TOKENS
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

EFFORT = "output_config.effort"


def adapt_native(body: Json, target: Target) -> tuple[Json, tuple[Change, ...]]:
    """Return a native body with `thinking` and effort in the form that the model accepts, and the changes.

    The body is the same object if nothing changes, or if it is not known what the model accepts.
    """
    thinking, config = body.get("thinking"), body.get("output_config")
    options = config if isinstance(config, dict) else {}
    capabilities, changes = target.model.capabilities, list[Change]()
    if not isinstance(thinking, dict) or capabilities.thinking is None:
        return body, ()
    limit = body.get("max_tokens")
    tokens = limit if type(limit) is int else DEFAULT_MAX_TOKENS
    fields = {"thinking": thinking, "reasoning_effort": options.get("effort")}
    try:
        reasoning = render_reasoning(fields, capabilities, tokens, changes)
    except InvalidRequest:
        return body, ()  # Anthropic itself says what is wrong
    if reasoning.config == thinking and reasoning.effort == options.get("effort"):
        return body, ()
    adapted = {name: value for name, value in body.items() if name not in {"thinking", "output_config"}}
    if reasoning.config is not None:
        adapted["thinking"] = cast(Json, reasoning.config)
    options = {**options, "effort": reasoning.effort}
    if known_options := {name: value for name, value in options.items() if value is not None}:
        adapted["output_config"] = known_options
    return adapted, tuple(_with_native_path(change) for change in changes)


def _with_native_path(change: Change) -> Change:
    path = EFFORT if change.path == "reasoning_effort" else change.path
    return Change(path, change.kind, change.reason, change.was, change.now)
