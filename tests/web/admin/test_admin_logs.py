"""`/admin/logs` and `/admin/usage`: pages, totals and downloads of the same records."""

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

from tests.web.admin.admin_app import NOON, Client, Json, admin_services, record_request, run_admin
from vaultcore.admission.caller import Caller
from vaultcore.limits.account import day_of
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Put
from vaultcore.usage.record import Record
from vaultcore.web.admin.export import FORMULA_STARTS, csv_cell
from vaultcore.web.admin.log_filter import matches_pattern

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


async def record_history(services: Services, history: Any) -> None:
    for number, (ago, model, status, tokens, cost) in enumerate(history):
        at = NOON - ago / 1_000
        await record_request(
            services, f"r{number}", at=at, model=model, status=status, tokens=tokens, cost=cost
        )


async def all_rows(client: Client, path: str, between: Any = None, /, **params: Any) -> list[Json]:
    """Return the rows of all pages."""
    rows, cursor = list[Json](), dict[str, str]()
    while True:
        response = await client.get(path, params={**params, **cursor})
        assert response.status_code == 200, response.text
        rows += response.json()["data"]
        if response.json()["next_cursor"] is None:
            return rows
        cursor = {"cursor": response.json()["next_cursor"]}
        if between is not None:
            await between()


@settings(deadline=None, max_examples=15)
@given(HISTORY, st.sampled_from(["day", "key", "model", "provider", "owner"]), st.integers(1, 7))
def test_usage_equals_the_sum_of_the_log(history: Any, by: str, limit: int) -> None:
    """Usage in any grouping adds up to its total, and the total to the sum of the log's rows."""
    services = admin_services()

    async def scenario(client: Client) -> tuple[Json, list[Json]]:
        await record_history(services, history)
        report = (await client.get("/usage", params={**BOUNDS, "group_by": by})).json()
        return report, await all_rows(client, "/logs", **BOUNDS, limit=limit)

    report, rows = run_admin(services, scenario)
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
def test_daily_usage_and_filters_add_up(history: Any, by: str, most: int) -> None:
    """Each of the first rows is the sum of its days, and equals the total with a filter for its name."""
    services = admin_services()

    async def scenario(client: Client) -> tuple[Json, list[Json]]:
        await record_history(services, history)
        params: Json = {**BOUNDS, "group_by": by, "daily": most}
        report = (await client.get("/usage", params=params)).json()
        alone = [
            (await client.get("/usage", params={**BOUNDS, by: row[by]})).json()["total"]
            for row in report["data"]
        ]
        return report, alone

    report, alone = run_admin(services, scenario)
    assert [{by: row[by], **sums} for row, sums in zip(report["data"], alone, strict=True)] == report["data"]
    assert {row[by] for row in report["daily"]} == {row[by] for row in report["data"][:most]}
    for row in report["data"][:most]:
        days = [each for each in report["daily"] if each[by] == row[by]]
        assert [each["day"] for each in days] == sorted({each["day"] for each in days})
        for name in ("requests", "failed", "total_tokens", "unpriced"):
            assert sum(each[name] for each in days) == row[name]


@settings(deadline=None, max_examples=15)
@given(HISTORY, st.integers(1, 5))
def test_pages_contain_every_record_once(history: Any, limit: int) -> None:
    """Records that existed at the first page are returned once, while others are written."""
    services, late = admin_services(), list[str]()

    async def scenario(client: Client) -> list[Json]:
        await record_history(services, history)

        async def more() -> None:
            late.append(f"late{len(late)}")
            await record_request(services, late[-1], at=NOON + len(late))

        return await all_rows(client, "/logs", more, limit=limit)

    ids = [row["id"] for row in run_admin(services, scenario)]
    assert len(ids) == len(set(ids))
    assert {f"r{number}" for number in range(len(history))} <= set(ids)


@pytest.mark.parametrize(
    ("params", "is_match"),
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
        ({"owner": "unknown"}, lambda row: False),
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
def test_filters_return_all_matches(params: Json, is_match: Any) -> None:
    """A filter returns all matching rows and no others, on any number of pages."""
    services = admin_services()
    history = [
        (number * 5_000_000, MODELS[number % 4], (200, 404, 429, 502)[number // 4 % 4], (1, 1), 1)
        for number in range(60)
    ]

    async def scenario(client: Client) -> tuple[list[Json], list[Json]]:
        await record_history(services, history)
        return await all_rows(client, "/logs", limit=50), await all_rows(client, "/logs", limit=3, **params)

    everything, filtered = run_admin(services, scenario)
    assert len(everything) == 60
    assert filtered == [row for row in everything if is_match(row)]


def test_a_long_gap_takes_several_pages() -> None:
    """A year with two requests is read in bounded steps: a page may be empty and have a cursor."""
    services = admin_services()

    async def scenario(client: Client) -> list[Json]:
        await record_request(services, "old", at=NOON - 300 * DAY)
        await record_request(services, "new", at=NOON - DAY)
        bounds = {"from": day_of(NOON - 390 * DAY), "to": day_of(NOON)}
        first = (await client.get("/logs", params=bounds)).json()
        assert [row["id"] for row in first["data"]] == ["new"]
        assert first["next_cursor"]
        return await all_rows(client, "/logs", **bounds)

    assert [row["id"] for row in run_admin(services, scenario)] == ["new", "old"]


@pytest.mark.parametrize(
    "params",
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
def test_an_invalid_parameter_is_named(params: Json) -> None:
    """An invalid parameter is a 400 error that names it."""

    async def scenario(client: Client) -> Json:
        response = await client.get("/logs", params=params)
        assert response.status_code == 400
        return dict(response.json()["error"])

    assert run_admin(admin_services(), scenario)["param"] == next(iter(params))


@settings(deadline=None, max_examples=10)
@given(HISTORY)
def test_downloads_contain_the_rows_of_all_pages(history: Any) -> None:
    """CSV, JSON and JSON Lines contain every row of the log in order."""
    services = admin_services()

    async def scenario(client: Client) -> None:
        await record_history(services, history)
        rows = await all_rows(client, "/logs")
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

    run_admin(services, scenario)


@given(st.lists(st.text("ab*", max_size=4), max_size=4).map("*".join), st.text("abA", max_size=8))
def test_patterns_match_like_regular_expressions(pattern: str, name: str) -> None:
    """A star matches any text; a pattern without a star matches only itself."""
    expression = ".*".join(map(re.escape, pattern.casefold().split("*")))
    expected = re.fullmatch(expression, name.casefold()) is not None if "*" in pattern else pattern == name
    assert matches_pattern(pattern, name) == expected


def test_names_of_keys_and_owners() -> None:
    """`search` finds a key's name, CSV has a column for it, and usage can be grouped by owner."""
    services = admin_services()

    async def scenario(client: Client) -> None:
        created = {}
        for name, owner in (("The Shop", "retail"), ("=1+1", "retail"), ("desk", None)):
            response = await client.post("/keys", json={"name": name, "owner": owner})
            created[name] = response.json()["id"]
        for number, each in enumerate([*created.values(), created["desk"]]):
            caller = Caller(await services.keys.get(each))
            await record_request(services, f"r{number}", caller=caller, at=NOON - number)
        record = Record("r9", "system", NOON - 9, NOON - 9, "/v1/x", "m", 200, flags=("estimated", "broken"))
        await record_request(services, "r8", at=NOON - 8)
        await services.store.write(
            Put(
                document_types.record_key(record.ended, record.id),
                record.pack(),
                version=ABSENT,
            )
        )

        rows = (await client.get("/logs", params={"search": "the shop"})).json()["data"]
        assert [row["id"] for row in rows] == ["r0"]
        assert "key_name" not in rows[0]
        log = _cells(await client.get("/logs", params={"format": "csv"}))
        assert [row["key_name"] for row in log] == ["The Shop", "'=1+1", "desk", "desk", "", ""]
        assert [row["flags"] for row in log] == [""] * 5 + ["estimated; broken"]
        sums = _cells(await client.get("/usage", params={"format": "csv", "group_by": "key"}))
        assert {row["key"]: (row["key_name"], row["owner"]) for row in sums} == {
            created["The Shop"]: ("The Shop", "retail"),
            created["=1+1"]: ("'=1+1", "retail"),
            created["desk"]: ("desk", ""),
            "system": ("", ""),
        }
        report = (await client.get("/usage", params={"group_by": "owner", "daily": 5})).json()
        assert {row["owner"]: row["requests"] for row in report["data"]} == {"retail": 2, "": 3}
        assert sum(row["requests"] for row in report["daily"]) == report["total"]["requests"] == 5
        alone = (await client.get("/usage", params={"group_by": "key", "owner": "retail"})).json()
        assert {row["key"] for row in alone["data"]} == {created["The Shop"], created["=1+1"]}

    run_admin(services, scenario)


def _cells(response: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(response.text, newline="")))


FORMULAS = ('=HYPERLINK("http://x","y")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0")


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("path", ["/logs", "/usage"])
def test_no_model_name_is_a_formula(name: str, path: str) -> None:
    """A model name that a spreadsheet would run is exported as text."""
    services = admin_services()

    async def scenario(client: Client) -> str:
        await record_request(services, "r1", model=name, status=404)
        return (
            await client.get(
                path, params={"format": "csv", **({} if path == "/logs" else {"group_by": "model"})}
            )
        ).text

    table = list(csv.DictReader(io.StringIO(run_admin(services, scenario), newline="")))
    assert [row["model"] for row in table] == [f"'{name}"]


@given(st.text() | st.lists(st.text()) | st.dictionaries(st.text(), st.text()))
def test_no_csv_cell_is_a_formula(value: Any) -> None:
    """No text in a CSV cell starts like a formula."""
    assert not str(csv_cell(value)).startswith(FORMULA_STARTS)
