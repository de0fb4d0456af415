"""The client APIs other than chat completions, imported at their first request.

Together they have 45 modules, and import two dialects. A process whose clients speak chat completions, or one
other API, need not load the rest: 40 ms and 5 MB of a start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultcore.first_use import LazyModule

if TYPE_CHECKING:
    from vaultcore.client_apis import gemini, messages, responses
    from vaultcore.client_apis.responses import compact
else:
    gemini = LazyModule("vaultcore.client_apis.gemini")
    messages = LazyModule("vaultcore.client_apis.messages")
    responses = LazyModule("vaultcore.client_apis.responses")
    compact = LazyModule("vaultcore.client_apis.responses.compact")

__all__ = ["compact", "gemini", "messages", "responses"]
