"""A picture that a provider's rules about content kept from being made: the request is at fault."""

from __future__ import annotations

from vaultcore.dialects import ErrorDetail, StreamFault

CODE = "content_policy_violation"  # OpenAI's word


def withheld(reason: object) -> StreamFault:
    """The error of an answer that says why there is no picture."""
    why = f": {reason}" if isinstance(reason, str) and reason else ""
    return StreamFault(ErrorDetail(f"the picture was withheld{why}", CODE, "prompt"), 400)
