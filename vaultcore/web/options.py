"""Options that a client sets for the gateway in `X-VaultEdge-*` headers, within the operator's bounds."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.catalog.schema import Strategy
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.routing.attempts import RetryPolicy
from vaultcore.settings import Settings

STRATEGIES: dict[str, Strategy | None] = {"default": None, "priority": "priority", "cheapest": "cheapest"}
MAX_BACKOFF = 5_000  # milliseconds
OPTIONS = ("max-key-retries", "backoff-delay", "routing-strategy", "strict", "explain")
HEADERS = frozenset(f"x-vaultedge-{name}" for name in OPTIONS)


@dataclass(frozen=True, slots=True)
class CallOptions:
    """The options of one call."""

    retry_policy: RetryPolicy
    strategy: Strategy | None  # None: the route's own
    strict: bool
    explain: bool

    @classmethod
    def read(cls, settings: Settings, headers: Mapping[str, str]) -> CallOptions:
        """Return the options in a request's headers. Raises InvalidRequest."""
        return cls(
            _retry_policy(settings, headers),
            _strategy(settings, headers),
            _flag(headers, "x-vaultedge-strict"),
            _flag(headers, "x-vaultedge-explain"),
        )


class OptionReader:
    """Reads options. Most requests have none of the headers, so their options are made once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._default: CallOptions | None = None

    def read(self, headers: Mapping[str, str]) -> CallOptions:
        """Return the options in a request's headers. Raises InvalidRequest."""
        if not HEADERS.isdisjoint(headers):
            return CallOptions.read(self._settings, headers)
        if self._default is None:
            self._default = CallOptions.read(self._settings, {})
        return self._default


def _retry_policy(settings: Settings, headers: Mapping[str, str]) -> RetryPolicy:
    """Return the retry policy. A client may request fewer keys than the operator allows, never more."""
    key_retries = _number(headers, "x-vaultedge-max-key-retries")
    backoff = _number(headers, "x-vaultedge-backoff-delay")
    return RetryPolicy(
        attempts=settings.max_retries + 1,
        key_retries=min(
            settings.max_key_retries, settings.max_key_retries if key_retries is None else key_retries
        ),
        backoff=settings.backoff if backoff is None else min(backoff, MAX_BACKOFF) / 1_000,
    )


def _strategy(settings: Settings, headers: Mapping[str, str]) -> Strategy | None:
    """Return the requested order of targets, else the operator's; None leaves it to the route."""
    requested = headers.get("x-vaultedge-routing-strategy", settings.strategy).strip().lower()
    if requested not in STRATEGIES:
        text = f"must be one of {', '.join(STRATEGIES)}"
        raise InvalidRequest(text, param="x-vaultedge-routing-strategy")
    return STRATEGIES[requested]


def _flag(headers: Mapping[str, str], name: str) -> bool:
    """Return True if a header is `1` or `true`."""
    return headers.get(name, "").strip().lower() in {"1", "true"}


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidRequest("must be a whole number", param=name)
    return int(text)
