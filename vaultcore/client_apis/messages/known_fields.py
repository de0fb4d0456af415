"""Fields and betas of the Messages API that the gateway knows, so that it knows their highest cost.

A native request forwards all others too. For a key with money limits, `unbounded_inputs` decides about them.
https://docs.claude.com/en/api/messages, https://docs.claude.com/en/api/beta-headers
"""

from __future__ import annotations

import re

from vaultcore.client_apis.messages.parts import object_or_empty
from vaultcore.wire import Json

# Known fields: free of charge, or priced by the catalog (`speed` and `inference_geo` at their highest price).
FIELDS = frozenset(
    [
        *("model", "messages", "system", "max_tokens", "stream", "tools", "tool_choice", "temperature"),
        *("top_p", "top_k", "stop_sequences", "metadata", "service_tier", "speed", "inference_geo"),
        *("thinking", "output_config", "output_format", "cache_control", "context_management", "compaction"),
        *("container", "mcp_servers", "diagnostics", "billing_policy", "fallback_credit_token", "thread"),
    ]
)
BETAS = re.compile(  # without the date
    r"(advanced-tool-use|advisor-tool|cache-diagnosis|claude-code|code-execution|compact|computer-use"
    r"|context-1m|context-management|dev-full-thinking|effort|extended-cache-ttl|fallback-credit|fast-mode"
    r"|files-api|fine-grained-tool-streaming|inline-tools|interleaved-thinking|mcp-client|message-threads"
    r"|mid-conversation-[a-z-]+|model-context-window-exceeded|oauth|output-\d+k|pdfs|prompt-caching"
    r"|prompt-caching-scope|skills|structured-outputs|task-budgets|thinking-[a-z-]+|token-counting"
    r"|token-efficient-tools|tool-examples|tool-search-tool|user-profiles|web-fetch|web-search)"
    r"-\d{4}-?\d\d-?\d\d"
)


def find_unknown_cost(body: Json, betas: str | None) -> str | None:
    """Return the first field or header that may cost what nobody can bound before the call, or None.

    It is unknown, or it leads elsewhere: to the history of a thread, or to other models.

    >>> find_unknown_cost({"model": "m", "messages": [], "turbo": 3}, None)
    'turbo'
    """
    if object_or_empty(body.get("thread")).get("type") == "continue":
        return "thread"
    unknown = (name for name, value in body.items() if name not in FIELDS and value not in (None, False))
    if (name := next(unknown, None)) is not None:
        return name
    names = (beta.strip() for beta in (betas or "").split(","))
    return "anthropic-beta" if any(name and not BETAS.fullmatch(name) for name in names) else None
