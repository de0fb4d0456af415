"""Metrics and OpenTelemetry spans of requests, built from a call when it ends."""

from vaultcore.tracing.http_request import HttpRequest
from vaultcore.tracing.observer import Observer

__all__ = ["HttpRequest", "Observer"]
