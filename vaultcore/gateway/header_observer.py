"""What an attempt learns from the headers of a provider's response, before its body."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.clock import Clock
from vaultcore.lazy_dataclass import dataclass
from vaultcore.routing.attempts import Attempt
from vaultcore.routing.health import Health
from vaultcore.routing.quota import ReportedQuota, reports_quota
from vaultcore.upstream.provider_request_id import provider_request_id


@dataclass(frozen=True, slots=True)
class HeaderObserver:
    """Reads from a provider's response headers: its request id, and the key's remaining quota."""

    attempt: Attempt
    health: Health
    clock: Clock

    def __call__(self, headers: Mapping[str, str], _status: int) -> None:
        credential = self.attempt.candidate.credential
        self.attempt.upstream_request_id = provider_request_id(headers, credential.key)
        if reports_quota(headers):
            self.health.record_quota(credential, ReportedQuota(headers, self.clock.now()))
