"""Options of `web_search_options` beyond OpenAI's own: the domains that a search may use.

Other client APIs have them. `filters` has the names of the Responses API and of Anthropic:
`{"filters": {"allowed_domains": ["example.com"], "blocked_domains": [...]}}`.
"""

from __future__ import annotations

from typing import Any

from vaultcore.dialects import Change
from vaultcore.wire import Json

PATH = "web_search_options"
FILTERS = "filters"
DOMAINS = ("allowed_domains", "blocked_domains")


def search_domains(options: object) -> Json:
    """Return the lists of domains in search options that are not empty, by name."""
    filters: Any = options.get(FILTERS) if isinstance(options, dict) else None
    filters = filters if isinstance(filters, dict) else {}
    return {name: filters[name] for name in DOMAINS if isinstance(filters.get(name), list) and filters[name]}


def without_filters(options: object, changes: list[Change]) -> object:
    """Return the options without domains, for a search that cannot be limited to some."""
    changes.extend(
        Change(f"{PATH}.{FILTERS}.{name}", "dropped", "this model's search uses any page", was=domains)
        for name, domains in search_domains(options).items()
    )
    if not isinstance(options, dict) or FILTERS not in options:
        return options
    return {name: value for name, value in options.items() if name != FILTERS}
