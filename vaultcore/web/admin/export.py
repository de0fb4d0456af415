"""Tables as downloads: CSV, JSON and JSON Lines, row by row as they are read.

A cell that a spreadsheet would take for a formula gets an apostrophe in front: model names are whatever
clients sent.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from starlette.requests import Request
from starlette.responses import StreamingResponse

from vaultcore.web.reply import SAFE_HEADERS
from vaultcore.wire import Json

Format = Literal["json", "jsonl", "csv"]

KINDS: Mapping[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl",
    "json": "application/json",
}
ACCEPTED: Mapping[str, Format] = {
    "text/csv": "csv",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
}
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
PIECE = 32_768  # characters that are sent at once, about


def requested_format(request: Request, format: Format | None) -> Format | None:
    """The format of a download, as asked for by parameter or by header; None: a page is wanted."""
    if format is not None:
        return format
    accepts = request.headers.get("accept", "").partition(",")[0].partition(";")[0].strip().lower()
    return ACCEPTED.get(accepts)


@dataclass(frozen=True, slots=True)
class Download:
    """Rows to come, and the columns that CSV has of them."""

    name: str  # of the file, without its ending
    columns: Sequence[str]
    rows: AsyncGenerator[Json, None]

    def response(self, format: Format) -> StreamingResponse:
        """The download. Rows are read as they are sent."""
        headers = {**SAFE_HEADERS, "content-disposition": f'attachment; filename="{self.name}.{format}"'}
        pieces = {"csv": self._csv, "jsonl": self._lines, "json": self._json}[format]()
        return StreamingResponse(_gathered(pieces), headers=headers, media_type=KINDS[format])

    async def _csv(self) -> AsyncGenerator[str, None]:
        yield _line(self.columns)
        async with aclosing(self.rows) as rows:
            async for row in rows:
                yield _line([cell(row.get(column)) for column in self.columns])

    async def _lines(self) -> AsyncGenerator[str, None]:
        async with aclosing(self.rows) as rows:
            async for row in rows:
                yield _dump(row) + "\n"

    async def _json(self) -> AsyncGenerator[str, None]:
        yield '{"data":['
        between = ""
        async with aclosing(self.rows) as rows:
            async for row in rows:
                yield between + _dump(row)
                between = ",\n"
        yield "]}\n"


def cell(value: object) -> str | int:
    """A value as a cell of CSV, which no spreadsheet runs."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return value
        case float():
            return f"{Decimal(str(value)):f}"  # 0.00006075, where Python says 6.075e-05
        case str():
            return f"'{value}" if value.startswith(FORMULA) else value
        case _:
            return _dump(value)


async def _gathered(pieces: AsyncGenerator[str, None]) -> AsyncGenerator[bytes, None]:
    """The same text in fewer pieces: one per row would be dear."""
    held: list[str] = []
    size = 0
    async with aclosing(pieces) as source:
        async for piece in source:
            held.append(piece)
            size += len(piece)
            if size >= PIECE:
                yield "".join(held).encode("utf-8", "replace")
                held, size = [], 0
    yield "".join(held).encode("utf-8", "replace")


def _line(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
