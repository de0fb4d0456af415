"""What was used, as an administrator reads it: pages, sums and downloads of the same records."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.admin.admin_app import NOON, Client, Json, office, settled, visit
from vaultcore.admission.caller import Caller
from vaultcore.limits.account import day_of
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Put
from vaultcore.usage.record import Record
from vaultcore.web.admin.export import FORMULA, cell
from vaultcore.web.admin.logs import matches_pattern

DAY = 86_400.0
MODELS = ("openai/gpt-4o", "openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "=1+1")
BOUNDS = {"from": "2026-11-01", "to": "2026-11-22"}
HISTORY = st.lists(
    st.tuples(
        st.integers(0, 12 * 86_400_000),  # milliseconds ago
        st.sampled_from(MODELS),
        st.sampled_from([200, 200, 404, 429, 499, 502]),
        st.tuples(st.integers(0, 1_000), st.integers(0, 1_000)),
        st.none() | st.integers(0, 10**9),
    ),
    max_size=25,
)


async def past(services: Services, history: Any) -> None:
    for number, (ago, model, status, tokens, cost) in enumerate(history):
        at = NOON - ago / 1_000
        await settled(services, f"r{number}", at=at, model=model, status=status, tokens=tokens, cost=cost)


async def pages(client: Client, path: str, between: Any = None, /, **params: Any) -> list[Json]:
    """All rows, page after page."""
    found, cursor = list[Json](), dict[str, str]()
    while True:
        answer = await client.get(path, params={**params, **cursor})
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        if answer.json()["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json()["next_cursor"]}
        if between is not None:
            await between()


@settings(deadline=None, max_examples=15)
@given(HISTORY, st.sampled_from(["day", "key", "model", "provider", "owner"]), st.integers(1, 7))
def test_sums_are_those_of_the_log(history: Any, by: str, limit: int) -> None:
    """Usage, however it is grouped, adds up to its total, and that to what the log's rows add up to."""
    services = office()

    async def story(client: Client) -> tuple[Json, list[Json]]:
        await past(services, history)
        report = (await client.get("/usage", params={**BOUNDS, "group_by": by})).json()
        return report, await pages(client, "/logs", **BOUNDS, limit=limit)

    report, rows = visit(services, story)
    assert {row["id"] for row in rows} == {f"r{number}" for number in range(len(history))}
    assert [row["ended_at"] for row in rows] == sorted((row["ended_at"] for row in rows), reverse=True)
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
        assert report["total"][name] == sum(row[name] for row in rows)
        assert sum(row[name] for row in report["data"]) == report["total"][name]
    assert report["total"]["requests"] == len(rows) == sum(row["requests"] for row in report["data"])
    assert report["total"]["failed"] == sum(row["status"] >= 400 and row["status"] != 499 for row in rows)
    assert report["total"]["unpriced"] == sum(row["cost_usd"] is None for row in rows)
    cost = sum(round((row["cost_usd"] or 0) * 10**9) for row in rows)
    assert round(report["total"]["cost_usd"] * 10**9) == cost
    if by == "day":
        assert [row["day"] for row in report["data"]] == sorted({row["ended_at"][:10] for row in rows})


@settings(deadline=None, max_examples=15)
@given(HISTORY, st.sampled_from(["key", "model", "provider"]), st.integers(1, 4))
def test_days_and_filters_are_parts_of_the_sums(history: Any, by: str, most: int) -> None:
    """Each of the first rows is the sum of its days, and what a filter of its name leaves."""
    services = office()

    async def story(client: Client) -> tuple[Json, list[Json]]:
        await past(services, history)
        asked: Json = {**BOUNDS, "group_by": by, "daily": most}
        told = (await client.get("/usage", params=asked)).json()
        alone = [
            (await client.get("/usage", params={**BOUNDS, by: row[by]})).json()["total"]
            for row in told["data"]
        ]
        return told, alone

    told, alone = visit(services, story)
    assert [{by: row[by], **sums} for row, sums in zip(told["data"], alone, strict=True)] == told["data"]
    assert {row[by] for row in told["daily"]} == {row[by] for row in told["data"][:most]}
    for row in told["data"][:most]:
        days = [each for each in told["daily"] if each[by] == row[by]]
        assert [each["day"] for each in days] == sorted({each["day"] for each in days})
        for name in ("requests", "failed", "total_tokens", "unpriced"):
            assert sum(each[name] for each in days) == row[name]


@settings(deadline=None, max_examples=15)
@given(HISTORY, st.integers(1, 5))
def test_pages_hold_every_record_once_while_more_are_written(history: Any, limit: int) -> None:
    """What was there when the first page was read is found once, whatever ends meanwhile."""
    services, late = office(), list[str]()

    async def story(client: Client) -> list[Json]:
        await past(services, history)

        async def more() -> None:
            late.append(f"late{len(late)}")
            await settled(services, late[-1], at=NOON + len(late))

        return await pages(client, "/logs", more, limit=limit)

    found = [row["id"] for row in visit(services, story)]
    assert len(found) == len(set(found))
    assert {f"r{number}" for number in range(len(history))} <= set(found)


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({"status": "429"}, lambda row: row["status"] == 429),
        ({"status": "4xx"}, lambda row: 400 <= row["status"] < 500),
        ({"model": "openai/gpt-4o"}, lambda row: row["model"] == "openai/gpt-4o"),
        ({"model": "gpt-4o-mini"}, lambda row: row["served"] == "gpt-4o-mini"),
        ({"model": "GPT-4*"}, lambda row: str(row["served"]).startswith("gpt-4")),
        ({"model": "*sonnet*"}, lambda row: "sonnet" in row["model"]),
        ({"model": "*"}, lambda row: True),
        ({"model": "gpt-4"}, lambda row: False),
        ({"provider": "anthropic"}, lambda row: row["provider"] == "anthropic"),
        ({"key": "system", "id": "r7"}, lambda row: row["id"] == "r7"),
        ({"owner": "nobody"}, lambda row: False),
        ({"path": "/v1/chat/completions"}, lambda row: True),
        ({"path": "/v1/chat"}, lambda row: False),
        ({"search": "SONNET"}, lambda row: "sonnet" in row["model"]),
        ({"search": "r17", "status": "5xx"}, lambda row: row["id"] == "r17" and row["status"] >= 500),
        (
            {"from": "2026-11-21T00:00:00Z", "to": "2026-11-21T12:00:00Z"},
            lambda row: row["ended_at"][:13] < "2026-11-21T12" and row["ended_at"][:10] == "2026-11-21",
        ),
        ({"from": "2026-11-20", "to": "2026-11-20"}, lambda row: row["ended_at"][:10] == "2026-11-20"),
    ],
)
def test_filters_leave_what_fits(asked: Json, matches_pattern: Any) -> None:
    """A filter finds all of what it names, and nothing else, on however many pages."""
    services = office()
    history = [
        (number * 5_000_000, MODELS[number % 4], (200, 404, 429, 502)[number // 4 % 4], (1, 1), 1)
        for number in range(60)
    ]

    async def story(client: Client) -> tuple[list[Json], list[Json]]:
        await past(services, history)
        return await pages(client, "/logs", limit=50), await pages(client, "/logs", limit=3, **asked)

    everything, found = visit(services, story)
    assert len(everything) == 60
    assert found == [row for row in everything if matches_pattern(row)]


def test_a_long_gap_is_walked_in_bounded_steps() -> None:
    """A year with two requests is read page by page: a page may be empty, and the cursor goes on."""
    services = office()

    async def story(client: Client) -> list[Json]:
        await settled(services, "old", at=NOON - 300 * DAY)
        await settled(services, "new", at=NOON - DAY)
        bounds = {"from": day_of(NOON - 390 * DAY), "to": day_of(NOON)}
        first = (await client.get("/logs", params=bounds)).json()
        assert [row["id"] for row in first["data"]] == ["new"]
        assert first["next_cursor"]
        return await pages(client, "/logs", **bounds)

    assert [row["id"] for row in visit(services, story)] == ["new", "old"]


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "2020-01-01"},
        {"from": "2026-11-22", "to": "2026-11-21"},
        {"from": "yesterday"},
        {"to": "2026-11-22T00:00:00"},
        {"cursor": "MTIz"},
        {"cursor": "%%%"},
        {"limit": 0},
        {"limit": 1_001},
        {"status": "6xx"},
        {"format": "xlsx"},
        {"who": "me"},
    ],
)
def test_a_bad_question_is_named(asked: Json) -> None:
    """A question that makes no sense is a 400 that names the parameter."""

    async def story(client: Client) -> Json:
        answer = await client.get("/logs", params=asked)
        assert answer.status_code == 400
        return dict(answer.json()["error"])

    assert visit(office(), story)["param"] == next(iter(asked))


@settings(deadline=None, max_examples=10)
@given(HISTORY)
def test_downloads_hold_what_pages_hold(history: Any) -> None:
    """CSV, JSON and JSON Lines have every row of the log, in its order."""
    services = office()

    async def story(client: Client) -> None:
        await past(services, history)
        rows = await pages(client, "/logs")
        lines = await client.get("/logs", params={"format": "jsonl"})
        whole = await client.get("/logs", params={"format": "json"})
        table = await client.get("/logs", headers={"accept": "text/csv"})
        some = await client.get("/logs", params={"format": "jsonl", "limit": 2})
        assert [json.loads(line) for line in lines.text.splitlines()] == rows
        assert whole.json() == {"data": rows}
        assert [json.loads(line) for line in some.text.splitlines()] == rows[:2]
        cells = list(csv.DictReader(io.StringIO(table.text)))
        assert [row["id"] for row in cells] == [row["id"] for row in rows]
        assert [row["total_tokens"] for row in cells] == [str(row["total_tokens"]) for row in rows]
        assert table.headers["content-type"] == "text/csv; charset=utf-8"
        assert table.headers["content-disposition"].startswith('attachment; filename="logs-2026-')
        assert table.headers["cache-control"] == "no-store"

    visit(services, story)


@given(st.lists(st.text("ab*", max_size=4), max_size=4).map("*".join), st.text("abA", max_size=8))
def test_patterns_are_what_they_say(pattern: str, name: str) -> None:
    """A star stands for any text, whatever else is around it; without one a name is itself."""
    meant = ".*".join(map(re.escape, pattern.casefold().split("*")))
    expected = re.fullmatch(meant, name.casefold()) is not None if "*" in pattern else pattern == name
    assert matches_pattern(pattern, name) == expected


def test_keys_are_called_by_their_names() -> None:
    """A key's name finds its requests and is in tables; usage is summed for owners."""
    services = office()

    async def story(client: Client) -> None:
        made = {}
        for name, owner in (("The Shop", "retail"), ("=1+1", "retail"), ("desk", None)):
            answer = await client.post("/keys", json={"name": name, "owner": owner})
            made[name] = answer.json()["id"]
        for number, each in enumerate([*made.values(), made["desk"]]):
            caller = Caller(await services.keys.get(each))
            await settled(services, f"r{number}", caller=caller, at=NOON - number)
        told = Record("r9", "system", NOON - 9, NOON - 9, "/v1/x", "m", 200, flags=("estimated", "broken"))
        await settled(services, "r8", at=NOON - 8)
        await services.store.write(
            Put(document_types.record_key(told.ended, told.id), told.pack(), version=ABSENT)
        )

        found = (await client.get("/logs", params={"search": "the shop"})).json()["data"]
        assert [row["id"] for row in found] == ["r0"]
        assert "key_name" not in found[0]
        log = _cells(await client.get("/logs", params={"format": "csv"}))
        assert [row["key_name"] for row in log] == ["The Shop", "'=1+1", "desk", "desk", "", ""]
        assert [row["flags"] for row in log] == [""] * 5 + ["estimated; broken"]
        sums = _cells(await client.get("/usage", params={"format": "csv", "group_by": "key"}))
        assert {row["key"]: (row["key_name"], row["owner"]) for row in sums} == {
            made["The Shop"]: ("The Shop", "retail"),
            made["=1+1"]: ("'=1+1", "retail"),
            made["desk"]: ("desk", ""),
            "system": ("", ""),
        }
        told = (await client.get("/usage", params={"group_by": "owner", "daily": 5})).json()
        assert {row["owner"]: row["requests"] for row in told["data"]} == {"retail": 2, "": 3}
        assert sum(row["requests"] for row in told["daily"]) == told["total"]["requests"] == 5
        alone = (await client.get("/usage", params={"group_by": "key", "owner": "retail"})).json()
        assert {row["key"] for row in alone["data"]} == {made["The Shop"], made["=1+1"]}

    visit(services, story)


def _cells(answer: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


FORMULAE = ('=HYPERLINK("http://x","y")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0")


@pytest.mark.parametrize("name", FORMULAE)
@pytest.mark.parametrize("path", ["/logs", "/usage"])
def test_no_cell_is_a_formula(name: str, path: str) -> None:
    """A model name that a spreadsheet would run arrives there as text."""
    services = office()

    async def story(client: Client) -> str:
        await settled(services, "r1", model=name, status=404)
        return (
            await client.get(
                path, params={"format": "csv", **({} if path == "/logs" else {"group_by": "model"})}
            )
        ).text

    table = list(csv.DictReader(io.StringIO(visit(services, story), newline="")))
    assert [row["model"] for row in table] == [f"'{name}"]


@given(st.text() | st.lists(st.text()) | st.dictionaries(st.text(), st.text()))
def test_no_text_is_a_formula(value: Any) -> None:
    """Whatever is text in a cell begins with nothing that begins a formula."""
    assert not str(cell(value)).startswith(FORMULA)
