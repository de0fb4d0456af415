"""The admin API and the console, answered in one piece. Its function alone may read the admin key."""

from __future__ import annotations

from handlers.buffered import buffered
from handlers.build import build

handler = buffered(build())
