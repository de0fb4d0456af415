"""The admin API and the console, answered in one piece. Its function alone may read the admin key."""

from __future__ import annotations

from handlers.buffered import Buffered
from handlers.build import build
from vaultcore.app import create_app

handler = Buffered(create_app(build()))
