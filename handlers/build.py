"""The gateway as this function's environment asks for it, and its logging."""

from __future__ import annotations

import os
import sys

from vaultcore.compose import compose
from vaultcore.services import Services
from vaultcore.settings import Settings
from vaultcore.telemetry import configure


def build() -> Services:
    """Wire the gateway up; secrets are read when the first request needs them. Raises ConfigError."""
    settings = Settings.from_env(os.environ)
    configure(settings.log_level, sys.stdout)
    return compose(settings)
