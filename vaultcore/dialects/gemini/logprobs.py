"""Log probabilities of a candidate in OpenAI's form: https://ai.google.dev/api/generate-content#LogprobsResult."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultcore.dialects.json_fields import string_field
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.gemini.wire import GeminiLogprobsResult, GeminiTokenLogprob, GeminiTopTokens


def parse_logprobs(result: GeminiLogprobsResult | None) -> Json | None:
    """Return OpenAI's `logprobs`, or None if the candidate has none."""
    if not isinstance(result, dict) or not isinstance(chosen := result.get("chosenCandidates"), list):
        return None
    top = result.get("topCandidates")
    steps = top if isinstance(top, list) else []
    content = [
        {**_parse_token(token), "top_logprobs": _parse_step(steps[i] if i < len(steps) else None)}
        for i, token in enumerate(chosen)
        if isinstance(token, dict)
    ]
    return {"content": content, "refusal": None}


def _parse_step(step: GeminiTopTokens | None) -> list[Json]:
    candidates = step.get("candidates") if isinstance(step, dict) else None
    if not isinstance(candidates, list):
        return []
    return [_parse_token(candidate) for candidate in candidates if isinstance(candidate, dict)]


def _parse_token(candidate: GeminiTokenLogprob) -> Json:
    token, probability = string_field(candidate, "token"), candidate.get("logProbability")
    logprob = float(probability) if isinstance(probability, int | float) else 0.0
    return {"token": token, "logprob": logprob, "bytes": list(token.encode(errors="replace"))}
