"""Builds the settlement of a call: its charge, its record, and alerts."""

from __future__ import annotations

from vaultcore.admission.grant import Grant
from vaultcore.call import Call, Outcome
from vaultcore.catalog.schema import Target
from vaultcore.errors import CLIENT_DISCONNECTED, GatewayError
from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits.account import Charge, day_of
from vaultcore.limits.thresholds import Crossing
from vaultcore.money import format_usd
from vaultcore.routing.attempts import Attempt
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Put, Settlement
from vaultcore.usage.provider_usage import total_cost, total_price, total_usage
from vaultcore.usage.record import AttemptRecord, Record
from vaultcore.wire import Json

RETENTION = 400 * 86_400.0  # seconds that records are stored


@dataclass(frozen=True, slots=True)
class FinalStatus:
    """How a call ended, and when. `status` is what the client received, or CLIENT_DISCONNECTED."""

    status: int
    ended: float  # seconds since the epoch
    error: GatewayError | None
    price_version: str

    @property
    def is_charged(self) -> bool:
        """Return False for a failed call, whose response costs nothing; earlier calls to providers do.

        A call whose client disconnected is charged.
        """
        return self.status < 400 or self.status == CLIENT_DISCONNECTED


def settlement(grant: Grant, call: Call, final: FinalStatus) -> Settlement:
    """Return everything that one store call writes for a call."""
    record, ended = build_record(grant, call, final), final.ended
    charge = Charge(record.prompt_tokens, record.completion_tokens, record.cost or 0)
    key = document_types.record_key(ended, call.id)
    return Settlement(
        id=call.id,
        levels=grant.levels,
        lease=grant.lease,
        charge=charge,
        record=Put(key, record.pack(), expires=ended + RETENTION, version=ABSENT),
        alert=lambda crossing: alert(crossing, ended, call.id),
    )


def build_record(grant: Grant, call: Call, final: FinalStatus) -> Record:
    """Return the usage record of a call: ids, counts and times, never content.

    The record of a call with earlier calls to providers has the sum of all.
    """
    outcome = call.outcome
    earlier, target, price = outcome.earlier, _served_target(outcome), outcome.price
    if final.is_charged:
        usage, cost = outcome.total_usage, outcome.charge
    else:
        usage, cost, price = total_usage(earlier), total_cost(earlier), {}
    first_token_at = outcome.first_token_at
    return Record(
        id=call.id,
        key=grant.caller.id,
        owner=grant.caller.owner,
        at=call.started,
        ended=final.ended,
        path=call.path,
        model=call.request["model"],
        status=final.status,
        code=final.error.code if final.error else None,
        stream=call.is_streaming,
        provider=target.provider.name if target else None,
        served=target.model.name if target else None,
        attempts=[_attempt(each, call.started) for each in outcome.attempts],
        prompt_tokens=usage.get("prompt_tokens") or 0,
        completion_tokens=usage.get("completion_tokens") or 0,
        cached_tokens=_detail(usage.get("prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=_detail(usage.get("completion_tokens_details"), "reasoning_tokens"),
        cost=cost,
        price_version=final.price_version,
        price={} if cost is None else total_price(earlier, price) if earlier else price,
        ms=round((final.ended - call.started) * 1_000, 1),
        first_ms=None if first_token_at is None else round((first_token_at - call.started) * 1_000, 1),
        changes=len(outcome.changes),
        flags=(*outcome.flags, "unpriced") if cost is None else tuple(outcome.flags),
        sums="sealed",
        plan=outcome.decision.pack(grant.caller.policy.version),
        reported_usage=outcome.reported_usage,
    )


def _served_target(outcome: Outcome) -> Target | None:
    """Return the target of the client's response; without one, that of the last earlier call."""
    if outcome.attempts and outcome.usage is not None:
        return outcome.attempts[-1].candidate.target
    return outcome.earlier[-1].target if outcome.earlier else None


def _attempt(attempt: Attempt, since: float) -> AttemptRecord:
    candidate, error = attempt.candidate, attempt.error
    return AttemptRecord(
        provider=candidate.target.provider.name,
        model=candidate.target.model.name,
        key_id=candidate.credential.id,
        status=error.upstream_status if error else 200,
        ms=round(attempt.seconds * 1_000, 1),
        fault=error.fault.name.lower() if error else None,
        began_ms=attempt.began_ms(since),
    )


def alert(crossing: Crossing, at: float, id: str) -> Put:
    """Return the document of a crossed threshold. It is written with the settlement and delivered later."""
    usage = crossing.usage
    kind, _, name = crossing.account.partition(":")
    is_money = usage.limit != "tokens"
    body: Json = {
        "id": f"alert-{id}-{usage.limit}-{kind}-{crossing.percent}",
        "at": at,
        "level": kind,
        "name": name,
        "limit": usage.limit,
        "percent": crossing.percent,
        "period": usage.period or day_of(at),
        "used": format_usd(usage.used) if is_money else usage.used,
        "most": format_usd(usage.most) if is_money else usage.most,
        "unit": "usd" if is_money else "tokens",
        "delivered": None,
    }
    return Put(
        document_types.timed_key(document_types.ALERTS, at, body["id"]),
        body,
        expires=at + RETENTION,
        version=ABSENT,
    )


def _detail(details: object, name: str) -> int:
    value = details.get(name) if isinstance(details, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
