"""Tables as file downloads in CSV, JSON and JSON Lines. Rows are sent while they are read.

CSV cells that a spreadsheet would run as a formula get a leading apostrophe: model names come from clients.
See https://owasp.org/www-community/attacks/CSV_Injection.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import Literal

from starlette.requests import Request
from starlette.responses import StreamingResponse

from vaultcore.lazy_dataclass import dataclass
from vaultcore.web.reply import SAFE_HEADERS
from vaultcore.wire import Json

Format = Literal["json", "jsonl", "csv"]

MEDIA_TYPES: Mapping[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl",
    "json": "application/json",
}
ACCEPT: Mapping[str, Format] = {
    "text/csv": "csv",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
CHUNK_SIZE = 32_768  # characters of a response chunk, at least


def requested_format(request: Request, format: Format | None) -> Format | None:
    """Return a download's format by parameter or Accept header; None if the request is for a page."""
    if format is not None:
        return format
    accept = request.headers.get("accept", "").partition(",")[0].partition(";")[0].strip().lower()
    return ACCEPT.get(accept)


@dataclass(frozen=True, slots=True)
class Download:
    """A table to send as a file."""

    name: str  # of the file, without extension
    columns: Sequence[str]  # of the CSV format
    rows: AsyncGenerator[Json, None]

    def to_response(self, format: Format) -> StreamingResponse:
        """Return the streaming response in a format."""
        headers = {**SAFE_HEADERS, "content-disposition": f'attachment; filename="{self.name}.{format}"'}
        lines = {"csv": self._csv, "jsonl": self._json_lines, "json": self._json}[format]()
        return StreamingResponse(_join_chunks(lines), headers=headers, media_type=MEDIA_TYPES[format])

    async def _csv(self) -> AsyncGenerator[str, None]:
        yield _csv_line(self.columns)
        async with aclosing(self.rows) as rows:
            async for row in rows:
                yield _csv_line([csv_cell(row.get(column)) for column in self.columns])

    async def _json_lines(self) -> AsyncGenerator[str, None]:
        async with aclosing(self.rows) as rows:
            async for row in rows:
                yield _to_json(row) + "\n"

    async def _json(self) -> AsyncGenerator[str, None]:
        yield '{"data":['
        separator = ""
        async with aclosing(self.rows) as rows:
            async for row in rows:
                yield separator + _to_json(row)
                separator = ",\n"
        yield "]}\n"


def csv_cell(value: object) -> str | int:
    """Return a value as a CSV cell that no spreadsheet runs as a formula."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return value
        case float():
            return f"{Decimal(str(value)):f}"  # 0.00006075; str() would write 6.075e-05
        case str():
            return f"'{value}" if value.startswith(FORMULA_STARTS) else value
        case _:
            return _to_json(value)


async def _join_chunks(lines: AsyncGenerator[str, None]) -> AsyncGenerator[bytes, None]:
    """Yield lines joined to chunks of CHUNK_SIZE: one chunk per row is slow."""
    buffer: list[str] = []
    size = 0
    async with aclosing(lines) as source:
        async for line in source:
            buffer.append(line)
            size += len(line)
            if size >= CHUNK_SIZE:
                yield "".join(buffer).encode("utf-8", "replace")
                buffer, size = [], 0
    yield "".join(buffer).encode("utf-8", "replace")


def _csv_line(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
