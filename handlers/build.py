"""Builds the gateway from the function's environment."""

from __future__ import annotations

import os
import sys

from vaultcore.compose import compose
from vaultcore.services import Services
from vaultcore.settings import Settings
from vaultcore.telemetry import configure


def build() -> Services:
    """Return the gateway's services and configure logging.

    The first request that needs a secret reads it. Raises ConfigError on an invalid setting.
    """
    settings = Settings.from_env(os.environ)
    configure(settings.log_level, sys.stdout)
    return compose(settings)
