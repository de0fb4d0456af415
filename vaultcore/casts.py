"""`cast` of the module typing, without its Python call: a request would make fifty of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import cast as cast  # noqa: PLC0414 - exported, so that mypy knows it
else:
    cast = {}.get  # returns its second argument, since the dict is empty; types are hashable
