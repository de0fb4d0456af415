"""The data plane, answered in one piece: for `sam local invoke`, emulators, and stages without streaming."""

from __future__ import annotations

from handlers.buffered import buffered
from handlers.build import build

handler = buffered(build())
