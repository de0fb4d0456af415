"""Native bodies: the path names the model, and generationConfig holds the maximum of tokens.

https://ai.google.dev/api/generate-content. Google accepts each field in camelCase and in snake_case, but not
in both at once.
"""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.wire import Json

COUNTED = ("generateContentRequest", "generate_content_request")  # of countTokens: the request to count
CONFIG = ("generationConfig", "generation_config")
MAX_TOKENS = ("maxOutputTokens", "max_output_tokens")


def with_model(body: Json, model: str) -> Json:
    """Return the body without `model`; a request inside it gets the model's name, as Google requires."""
    rest = {name: value for name, value in body.items() if name != "model"}
    name = f"models/{model.removeprefix('models/')}"
    for key in COUNTED:
        if isinstance(counted := rest.get(key), dict):
            rest[key] = {**counted, "model": name}
    return rest


def with_max_tokens(body: Json, tokens: int) -> Json:
    """Return the body with that maximum in place of its own."""
    key = _spelling(body, CONFIG)
    config = body.get(key)
    settings = config if isinstance(config, dict) else {}
    return {**body, key: {**settings, _spelling(settings, MAX_TOKENS): tokens}}


def _spelling(fields: Mapping[str, object], names: tuple[str, str]) -> str:
    """Return the name by which the fields have it, else the first one."""
    return next((name for name in names if name in fields), names[0])
