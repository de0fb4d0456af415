"""What those who watch are told of requests: figures and spans, made of what a call knows at its end."""

from vaultcore.tracing.http_request import HttpRequest
from vaultcore.tracing.observer import Observer

__all__ = ["HttpRequest", "Observer"]
