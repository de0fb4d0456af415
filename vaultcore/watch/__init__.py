"""What those who watch are told of requests: figures and spans, made of what a call knows at its end."""

from vaultcore.watch.visit import Visit
from vaultcore.watch.watch import Watch

__all__ = ["Visit", "Watch"]
