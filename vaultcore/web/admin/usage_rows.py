"""The rows of `/admin/usage`: read in groups, sorted, and encoded as JSON.

A row is a tuple of its names and its amounts in the order of USAGE_AMOUNTS. A report by key can have 10,000
rows. They are encoded here: pydantic and the standard encoder take five times as long together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from json.encoder import encode_basestring
from operator import itemgetter
from typing import Protocol

from starlette.responses import Response

from vaultcore.json_codec import dumps_text
from vaultcore.ledger.queries import By
from vaultcore.ledger.usage_groups import Groups, UsageSource, add_rows
from vaultcore.money import PER_DOLLAR
from vaultcore.store.usage_selection import USAGE_AMOUNTS, Attribute, UsageRow
from vaultcore.web.limit_json import dollars
from vaultcore.web.reply import SAFE_HEADERS
from vaultcore.wire import Json

_REQUESTS, _COST = (
    1 + USAGE_AMOUNTS.index("requests"),
    1 + USAGE_AMOUNTS.index("cost_nanos"),
)  # after one name


class UsageFilters(Protocol):
    """The filters of a report; None accepts all usage."""

    key: str | None
    model: str | None
    provider: str | None
    owner: str | None


async def read_groups(
    source: UsageSource,
    filters: UsageFilters,
    by: tuple[By, ...],
    owners: Mapping[str, str],
    names: Collection[str] | None = None,
) -> Groups:
    """Return usage that fits the filters; with `names`, only of these values of the first attribute.

    The store has no owners: their usage is read by key. Owner "" stands for keys that have none or no longer
    exist.
    """
    where: dict[Attribute, Iterable[str]] = {}
    for name in ("key", "model", "provider"):
        if (value := getattr(filters, name)) is not None:
            where[name] = [value]
    if filters.owner is None and "owner" not in by:
        return await source.read(by, _narrow(where, by[0], names))  # type: ignore[arg-type]  # no owner
    selected = names if by[0] == "owner" else None
    if filters.owner is not None:
        selected = [filters.owner] if selected is None or filters.owner in selected else []
    if selected is not None and "" not in selected:
        keys = [key for key, owner in owners.items() if owner in selected]
        where["key"] = set(keys).intersection(where.get("key", keys))
    if by[0] != "owner":
        where = _narrow(where, by[0], names)
    others = (name for name in by if name not in {"key", "owner"})
    stored: tuple[Attribute, ...] = ("key", *others)  # type: ignore[arg-type]  # without owner
    groups = await source.read(stored, where)
    return _by_owner(groups, stored, by, owners, selected)


def sorted_rows(groups: Groups, by: By) -> list[UsageRow]:
    """Return days in order, or other groups with the highest cost first."""
    rows = sorted(groups.values(), key=itemgetter(0))
    if by != "day":
        rows.sort(key=itemgetter(_COST, _REQUESTS), reverse=True)  # keeps the order of equal rows
    return rows


def daily_rows(groups: Groups, names: Iterable[str]) -> list[UsageRow]:
    """Return one row per name and day with usage, in the order of the names."""
    place = {name: number for number, name in enumerate(names)}
    return sorted(groups.values(), key=lambda row: (place[str(row[0])], row[1]))


def usage_response(
    report: Mapping[str, str], rows: Sequence[UsageRow], daily: Sequence[UsageRow] | None, until: str | None
) -> Response:
    """Return the response of a UsageReport, without the fields that are null."""
    by = report["group_by"]
    total = tuple(sum(map(itemgetter(1 + n), rows)) for n in range(len(USAGE_AMOUNTS)))
    head, tail = dumps_text(dict(report))[:-1], {"total": row_json((), total)}
    more: Json = {} if daily is None else {"daily": [row_json((by, "day"), row) for row in daily]}
    end = dumps_text({**more, **tail, **({} if until is None else {"complete_until": until})})[1:]
    text = f'{head},"data":[{",".join([_row_text(by, row) for row in rows])}],{end}'
    return Response(text.encode(), headers=SAFE_HEADERS, media_type="application/json")


def row_json(names: Sequence[str], row: UsageRow) -> Json:
    """Return the JSON of a row, which begins with values of these names."""
    requests, failed, prompt, completion, cached, nanos, unpriced, ms = row[len(names) :]
    return {
        **dict(zip(names, row, strict=False)),
        "requests": requests,
        "failed": failed,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "cached_tokens": cached,
        "total_tokens": int(prompt) + int(completion),
        "cost_usd": dollars(int(nanos)),
        "unpriced": unpriced,
        "average_ms": round(int(ms) / int(requests), 1) if requests else 0.0,
    }


def _row_text(by: str, row: UsageRow) -> str:
    """Return the text of `row_json` for one name."""
    name, requests, failed, prompt, completion, cached, nanos, unpriced, ms = row
    # `dollars` and a sum, written out: 2 µs of 9,000 rows.
    return (
        f'{{"{by}":{encode_basestring(str(name))},"requests":{requests},"failed":{failed},'
        f'"prompt_tokens":{prompt},"completion_tokens":{completion},"cached_tokens":{cached},'
        f'"total_tokens":{prompt + completion},"cost_usd":{nanos / PER_DOLLAR},"unpriced":{unpriced},'  # type: ignore[operator]
        f'"average_ms":{round(ms / requests, 1) if requests else 0.0}}}'  # type: ignore[operator]
    )


def _narrow(
    where: Mapping[Attribute, Iterable[str]], name: By, accepted: Collection[str] | None
) -> dict[Attribute, Iterable[str]]:
    """Return conditions with another one on an attribute, unless `accepted` is None."""
    if accepted is None or name == "owner":
        return dict(where)
    return {**where, name: set(accepted).intersection(where.get(name, accepted))}


def _by_owner(
    groups: Groups,
    stored: tuple[Attribute, ...],
    by: tuple[By, ...],
    owners: Mapping[str, str],
    selected: Collection[str] | None,
) -> Groups:
    """Return groups by key as groups by other attributes, of the selected owners or of all."""
    rows, columns = list[UsageRow](), [-1 if name == "owner" else stored.index(name) for name in by]
    for row in groups.values():
        owner = owners.get(str(row[0]), "")
        if selected is None or owner in selected:
            names = [owner if column < 0 else row[column] for column in columns]
            rows.append((*names, *row[len(stored) :]))
    return add_rows(rows, len(by))
