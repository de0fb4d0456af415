"""The data plane, answered in one piece: for `sam local invoke`, emulators, and stages without streaming."""

from __future__ import annotations

from handlers.buffered import Buffered
from handlers.build import build
from vaultcore.app import create_app

handler = Buffered(create_app(build()))
