"""The time that a question is about: from when to when, by default the last thirty days."""

from __future__ import annotations

from pydantic import Field

from vaultcore.errors import InvalidRequest
from vaultcore.ledger.queries import DAY, TimeRange
from vaultcore.web.admin.validation import QueryParameters
from vaultcore.web.admin.fields import When

USUAL, LONGEST = 30, 400  # days; nothing is kept for longer
AHEAD = 300.0  # seconds that another machine's clock may be ahead of this one's


class Period(QueryParameters):
    """From when to when. Of a date its whole day is meant."""

    since: When | None = Field(None, alias="from")
    to: When | None = None

    def span(self, now: float) -> TimeRange:
        """Raises InvalidRequest where it ends before it begins, or is too long."""
        until = self.to.end if self.to else now + AHEAD
        since = self.since.start if self.since else max(0.0, until - USUAL * DAY)
        if since >= until:
            raise InvalidRequest("from: must be before `to`", param="from")
        if until - since > LONGEST * DAY:
            raise InvalidRequest(f"from: at most {LONGEST} days can be asked for", param="from")
        return TimeRange(since, until)
