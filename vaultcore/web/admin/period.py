"""The time range of a query: `from` and `to`, by default the last 30 days."""

from __future__ import annotations

from pydantic import Field

from vaultcore.errors import InvalidRequest
from vaultcore.ledger.queries import DAY, TimeRange
from vaultcore.web.admin.fields import DateOrTime
from vaultcore.web.admin.validation import QueryParameters

DEFAULT_DAYS, MAX_DAYS = 30, 400  # the store deletes older records
CLOCK_SKEW = 300.0  # seconds that another machine's clock may be ahead


class Period(QueryParameters):
    """The parameters `from` and `to`. A date stands for its whole day in UTC."""

    since: DateOrTime | None = Field(None, alias="from")
    to: DateOrTime | None = None

    def span(self, now: float) -> TimeRange:
        """Return the time range. Raises InvalidRequest if it is empty or longer than MAX_DAYS."""
        until = self.to.end if self.to else now + CLOCK_SKEW
        since = self.since.start if self.since else max(0.0, until - DEFAULT_DAYS * DAY)
        if since >= until:
            raise InvalidRequest("from: must be before `to`", param="from")
        if until - since > MAX_DAYS * DAY:
            raise InvalidRequest(f"from: must be at most {MAX_DAYS} days before `to`", param="from")
        return TimeRange(since, until)
