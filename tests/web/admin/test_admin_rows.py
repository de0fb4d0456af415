"""Rows that the admin API encodes without pydantic have the form of their models."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.ledger.sample_ledger import record
from vaultcore.money import format_usd
from vaultcore.usage.record import AttemptRecord
from vaultcore.web.admin.log_rows import page_response, record_json
from vaultcore.web.admin.logs import LogEntry, LogPage
from vaultcore.web.admin.usage import UsageReport
from vaultcore.web.admin.usage_rows import row_json, usage_response
from vaultcore.web.limit_json import dollars

REPORT = {"first_day": "2026-11-01", "last_day": "2026-11-30", "group_by": "key"}
NAMES = ("key_1", 'a"b\\c', "\u00e4\u20ac\U0001f511", "a\nb", "")


def test_a_usage_report_has_the_form_of_its_model() -> None:
    """The text is that of `row_json` for every row, and pydantic accepts it without a change."""
    rows = [(name, 3, 1, 10, 20, 5, 1_234_567_891 * place, 1, 1_001) for place, name in enumerate(NAMES)]
    daily = [("key_1", "2026-11-02", 0, 0, 0, 0, 0, 0, 0, 0)]
    report = json.loads(usage_response(REPORT, rows, daily, "2026-11-30T00:00:00.000Z").body)

    assert report == {
        **REPORT,
        "data": [row_json(("key",), row) for row in rows],
        "daily": [row_json(("key", "day"), row) for row in daily],
        "total": row_json((), tuple(map(sum, zip(*(row[1:] for row in rows), strict=True)))),
        "complete_until": "2026-11-30T00:00:00.000Z",
    }
    assert UsageReport.model_validate(report, strict=True).model_dump(exclude_none=True) == report


def test_a_report_without_usage() -> None:
    """Its total is zero, and the fields that are null are absent."""
    report = json.loads(usage_response(REPORT, [], None, None).body)

    assert report == {**REPORT, "data": [], "total": row_json((), (0,) * 8)}


@pytest.mark.parametrize("nanos", [0, 1, -1, 450_000, 999_999_999, 10**15 + 1, 123_456_789_012_345_678])
def test_dollars_are_the_nearest_number(nanos: int) -> None:
    """Nano-dollars become the number that is nearest to the exact decimal."""
    assert dollars(nanos) == float(format_usd(nanos))


def test_a_log_page_has_the_form_of_its_model() -> None:
    """Rows of requests and of refusals have every field of the model and no other."""
    attempt = AttemptRecord("openai", "gpt", "id", None, 1.5, "host", 7)
    row = replace(record("req_1", 1_000.0), attempts=(attempt,), flags=("estimated",), cost=None)
    bodies: list[dict[str, Any]] = [row.pack(), {**row.pack(), "newer": 1, "refusal": {"retry_after": 3}}]
    bodies.append({**row.pack(), "reported_usage": {"prompt_tokens": 1}, "plan": {"draws": [1]}, "cost": 7})
    old = {name: value for name, value in row.pack().items() if name not in {"replayed", "changes", "plan"}}
    old["attempts"] = [{name: value for name, value in attempt.pack().items() if name != "began_ms"}]
    page = json.loads(page_response([record_json(each) for each in (*bodies, old)], "next").body)

    assert LogPage.model_validate(page, strict=True).model_dump() == page
    assert [each["refused"] for each in page["data"]] == [False, True, False, False]
    assert [list(each) for each in page["data"]] == [list(page["data"][0])] * 4
    assert page["data"][0].keys() == LogEntry.model_fields.keys()
