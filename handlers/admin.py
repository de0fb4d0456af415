"""Entry point of the admin API, with buffered responses. Only its function may read the admin key."""

from __future__ import annotations

from handlers.buffered import build_handler
from handlers.build import build

handler = build_handler(build())
