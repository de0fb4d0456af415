"""How likely the tokens of an answer were, in OpenAI's form."""

from __future__ import annotations

from vaultcore.dialects.json_fields import string
from vaultcore.wire import Json


def logprobs(told: object) -> Json | None:
    """A candidate's logprobsResult; None where there is none."""
    match told:
        case {"chosenCandidates": list() as chosen, **rest}:
            steps = rest.get("topCandidates")
        case _:
            return None
    steps = steps if isinstance(steps, list) else []
    content = [
        {**_token(token), "top_logprobs": _alternatives(steps[i] if i < len(steps) else None)}
        for i, token in enumerate(chosen)
        if isinstance(token, dict)
    ]
    return {"content": content, "refusal": None}


def _alternatives(step: object) -> list[Json]:
    match step:
        case {"candidates": list() as candidates}:
            return [_token(candidate) for candidate in candidates if isinstance(candidate, dict)]
        case _:
            return []


def _token(told: Json) -> Json:
    token, likely = string(told, "token"), told.get("logProbability")
    number = float(likely) if isinstance(likely, int | float) else 0.0
    return {"token": token, "logprob": number, "bytes": list(token.encode(errors="replace"))}
