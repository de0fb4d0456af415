"""A capability.

Something that clients want from a provider, the request for it, and the check of the response.
"""

from __future__ import annotations

from collections.abc import Callable

from vaultcore.capability_matrix.observed_response import ObservedResponse
from vaultcore.dialects import Change
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

ResponseCheck = Callable[[ObservedResponse], bool]


@dataclass(frozen=True, slots=True)
class Capability:
    """One row of the table.

    A capability that no response shows has a `baseline`: a request without it, whose provider request must
    differ.
    """

    title: str
    path: str  # of the parameter in the request; change reports and errors must name it
    request: Json
    baseline: Json | None = None
    check: ResponseCheck | None = None
    alternative: Json | None = None  # another request for it, tested if the first one fails

    def covers(self, path: str | None) -> bool:
        """Return True if a change report or an error at that path is about this capability."""
        return path is not None and (_is_within(path, self.path) or _is_within(self.path, path))

    def is_reported_by(self, change: Change) -> bool:
        return self.covers(change.path)


def _is_within(inner: str, outer: str) -> bool:
    """Return True if `inner` is `outer` or a path below it."""
    return inner == outer or (inner.startswith(outer) and inner[len(outer)] in ".[")
