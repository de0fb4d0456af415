"""The list of models in the forms of different clients; each module renders one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from vaultcore.catalog.lookup import ListedModel
from vaultcore.wire import Json

CHAT_TYPES = ("text", "hybrid")  # types of models that answer in a conversation


class ModelListForm(Protocol):
    """The interface of a module of this package."""

    def render_list(self, models: Sequence[ListedModel], query: Mapping[str, str]) -> Json:
        """Return the body of the list, or of the page that the query asks for. Raises InvalidRequest."""
        ...

    def render_model(self, model: ListedModel) -> Json:
        """Return the body of one model."""
        ...
