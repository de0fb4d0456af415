"""Opaque state of a call: restored for the candidate that is called, and marked in its response."""

from __future__ import annotations

from dataclasses import field

from vaultcore.call import Call
from vaultcore.dialects import Change, client_path
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.opaque_state.carriers import any_carries_state
from vaultcore.opaque_state.envelope import Envelope, Issuer, StateSeal
from vaultcore.opaque_state.marks import Envelopes
from vaultcore.opaque_state.restore import issuing_accounts, restore_request
from vaultcore.routing.candidate import Candidate
from vaultcore.secrets import SecretSource
from vaultcore.wire import ChatRequest

MAX_SEALS = 1_024  # of candidates and callers
OTHER_ISSUER = "another provider, account or model issued it"


@dataclass(slots=True)
class IssuedState:
    """Makes the seals of candidates from the deployment's secrets."""

    secrets: SecretSource
    _envelopes: Envelopes = field(default_factory=Envelopes)
    _envelope: Envelope | None = None  # of the seals below
    _seals: dict[tuple[str, str, str, str], StateSeal] = field(default_factory=dict)

    async def seal_of(self, candidate: Candidate, call: Call) -> StateSeal:
        """Return the seal of the state that a candidate issues in a call. It is kept: its label is costly."""
        envelope = self._envelopes.of(await self.secrets.current())
        if envelope is not self._envelope or len(self._seals) >= MAX_SEALS:
            self._envelope = envelope
            self._seals.clear()
        target = candidate.target
        issuer = (target.provider.name, candidate.credential.id, target.model.name)
        seal = self._seals.get((*issuer, call.caller))
        if seal is None:
            seal = self._seals[(*issuer, call.caller)] = StateSeal(envelope, Issuer.of(*issuer), call.caller)
        return seal

    async def issuing_accounts(self, call: Call) -> frozenset[str]:
        """Return the ids of the provider keys that issued the latest state in a request."""
        messages = call.request.get("messages") or ()
        if not any_carries_state(messages):
            return frozenset()
        return issuing_accounts(messages, self._envelopes.of(await self.secrets.current()))


def restore_state(request: ChatRequest, seal: StateSeal) -> tuple[ChatRequest, list[Change]]:
    """Return the request with the state of the seal's issuer only, and a change for each other state.

    Raise InvalidRequest for a compaction that only another issuer, or another key of the gateway, can read.
    """
    restored = restore_request(request, seal)
    if restored.unreadable is not None:
        param = client_path(request, restored.unreadable)
        text = "this compaction was made by another provider, or for another key"
        raise InvalidRequest(text, param=param, code="unsupported_parameter")
    changes = [Change(client_path(request, path), "dropped", OTHER_ISSUER) for path in restored.omitted]
    return restored.request, changes
