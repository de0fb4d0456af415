"""Entry point of the data plane with buffered responses: for `sam local invoke` and emulators."""

from __future__ import annotations

from handlers.buffered import build_handler
from handlers.build import build

handler = build_handler(build())
