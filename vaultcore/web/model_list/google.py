"""The models in Google's form, in pages: https://ai.google.dev/api/models."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence

from vaultcore.catalog.lookup import ListedModel
from vaultcore.catalog.schema import ModelType
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

PAGE, MAX_PAGE = 50, 1_000  # models, as in Google's API
METHODS: Mapping[ModelType, tuple[str, ...]] = {
    "text": ("generateContent", "countTokens"),
    "hybrid": ("generateContent", "countTokens"),
    "embedding": ("embedContent",),
}


def render_list(models: Sequence[ListedModel], query: Mapping[str, str]) -> Json:
    """Return a page of `pageSize` models after those of the page that gave `pageToken`.

    A token contains the name of the last model before the page.
    """
    size = _read_size(query.get("pageSize") or query.get("page_size"))
    after = _read_token(query.get("pageToken") or query.get("page_token"))
    rest = [model for model in models if model.type in METHODS and model.id > after]
    page = rest[:size]
    body: Json = {"models": [render_model(model) for model in page]}
    if len(rest) > size:
        body["nextPageToken"] = urlsafe_b64encode(page[-1].id.encode()).decode()
    return body


def render_model(model: ListedModel) -> Json:
    limits = {
        "inputTokenLimit": model.model.context_window,
        "outputTokenLimit": model.model.max_output_tokens,
    }
    thinking = model.model.capabilities.thinking
    return {
        "name": f"models/{model.id}",
        "version": model.model.name,
        "displayName": model.id,
        "description": f"Served by {', '.join(model.providers)}",
        **{name: limit for name, limit in limits.items() if limit is not None},
        "supportedGenerationMethods": list(METHODS.get(model.type, ())),
        **({"thinking": thinking != "none"} if thinking is not None else {}),
    }


def _read_size(text: str | None) -> int:
    """Return the size of a page; 0 means the default, as at Google."""
    if text is None:
        return PAGE
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidRequest("pageSize: must be a whole number", param="pageSize")
    return min(int(text) or PAGE, MAX_PAGE)


def _read_token(token: str | None) -> str:
    try:
        return b64decode(token or "", altchars=b"-_", validate=True).decode()
    except ValueError:
        raise InvalidRequest("pageToken: not a token of this list", param="pageToken") from None
