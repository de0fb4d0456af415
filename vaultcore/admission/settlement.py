"""What is written when a request is over: its charge, its record, the day's sums, and alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vaultcore.admission.grant import Grant
from vaultcore.call import Call
from vaultcore.errors import GatewayError
from vaultcore.limits.account import Spent, day_of
from vaultcore.limits.thresholds import Crossing
from vaultcore.money import usd
from vaultcore.routing.attempts import Attempt
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Add, Put, Settlement
from vaultcore.usage.record import Record, Tried
from vaultcore.wire import Json, Usage

KEPT = 400 * 86_400.0  # seconds that records and sums are kept
GONE = 499  # the client went away


@dataclass(frozen=True, slots=True)
class FinalStatus:
    """How a call ended, and when. `status` is what the client saw; GONE where it did not stay."""

    status: int
    ended: float
    error: GatewayError | None
    price_version: str

    @property
    def charged(self) -> bool:
        """A call that failed costs nothing."""
        return self.status < 400 or self.status == GONE


def settlement(grant: Grant, call: Call, over: FinalStatus) -> Settlement:
    """Everything that one store call writes of a call."""
    record, ended = recorded(grant, call, over), over.ended
    spent = Spent(record.prompt_tokens, record.completion_tokens, record.cost or 0)
    name = document_types.record(ended, call.id)
    return Settlement(
        id=call.id,
        levels=grant.levels,
        lease=grant.lease,
        spent=spent,
        record=Put(name, record.pack(), expires=ended + KEPT, version=ABSENT),
        adds=(_sums(record, ended),),
        alert=lambda crossing: alert(crossing, ended, call.id),
    )


def recorded(grant: Grant, call: Call, over: FinalStatus) -> Record:
    """What is kept of a call."""
    usage: Usage = (call.usage or {}) if over.charged else {}
    cost = call.charge if over.charged else 0
    served = call.served if call.usage is not None else None
    return Record(
        id=call.id,
        key=grant.caller.id,
        owner=grant.caller.owner,
        at=call.started,
        ended=over.ended,
        path=call.path,
        model=call.model,
        status=over.status,
        code=over.error.code if over.error else None,
        stream=bool(call.request.get("stream")),
        provider=served.target.provider.name if served else None,
        served=served.target.model.name if served else None,
        attempts=tuple(_tried(each, call.started) for each in call.attempts),
        prompt_tokens=usage.get("prompt_tokens") or 0,
        completion_tokens=usage.get("completion_tokens") or 0,
        cached_tokens=_detail(usage.get("prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=_detail(usage.get("completion_tokens_details"), "reasoning_tokens"),
        cost=cost,
        price_version=over.price_version,
        price=call.price if over.charged else {},
        ms=round((over.ended - call.started) * 1_000, 1),
        first_ms=None if call.first is None else round((call.first - call.started) * 1_000, 1),
        changes=len(call.changes),
        flags=(*call.flags, "unpriced") if cost is None else tuple(call.flags),
    )


def _tried(attempt: Attempt, since: float) -> Tried:
    candidate, error = attempt.candidate, attempt.error
    return Tried(
        provider=candidate.target.provider.name,
        model=candidate.target.model.name,
        key_id=candidate.credential.id,
        status=error.upstream_status if error else 200,
        ms=round(attempt.seconds * 1_000, 1),
        fault=error.fault.name.lower() if error else None,
        began_ms=attempt.began_ms(since),
    )


def _sums(record: Record, ended: float) -> Add:
    name = document_types.sums(ended, record.key, record.provider or "", record.served or record.model)
    amounts = {
        "requests": 1,
        "failed": int(record.status >= 400 and record.status != GONE),
        "prompt_tokens": record.prompt_tokens,
        "completion_tokens": record.completion_tokens,
        "cached_tokens": record.cached_tokens,
        "cost_nanos": record.cost or 0,
        "unpriced": int(record.cost is None),
        "ms": round(record.ms),
    }
    return Add(name, amounts, expires=ended + KEPT)


def alert(crossing: Crossing, at: float, id: str) -> Put:
    """The document of a mark passed: kept with the settlement that passed it, delivered afterwards."""
    meter = crossing.meter
    kind, _, name = crossing.account.partition(":")
    money = meter.limit != "tokens"
    body: Json = {
        "id": f"alert-{id}-{meter.limit}-{kind}-{crossing.percent}",
        "at": at,
        "level": kind,
        "name": name,
        "limit": meter.limit,
        "percent": crossing.percent,
        "period": meter.period or day_of(at),
        "used": usd(meter.used) if money else meter.used,
        "most": usd(meter.most) if money else meter.most,
        "unit": "usd" if money else "tokens",
        "delivered": None,
    }
    return Put(
        document_types.timed(document_types.ALERTS, at, body["id"]), body, expires=at + KEPT, version=ABSENT
    )


def _detail(details: object, name: str) -> int:
    value = details.get(name) if isinstance(details, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
