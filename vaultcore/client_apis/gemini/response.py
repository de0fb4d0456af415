"""A completion as a generateContent response: https://ai.google.dev/api/generate-content."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.casts import cast
from vaultcore.client_apis.gemini.google_request import GoogleRequest
from vaultcore.client_apis.gemini.grounding import render_grounding
from vaultcore.client_apis.gemini.opaque_state import message_state, pack_signature
from vaultcore.client_apis.json_text import dump
from vaultcore.client_apis.messages.response import parse_tool_input
from vaultcore.dialects.gemini.response import FILTERED
from vaultcore.opaque_state.carriers import opaque_fields
from vaultcore.usage.token_estimate import estimate_request, estimate_tokens
from vaultcore.wire import ChatCompletion, ChatRequest, Json, Usage

FINISH_REASONS: Mapping[str, str] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
}
MODALITIES = {"audio_tokens": "AUDIO", "image_tokens": "IMAGE", "video_tokens": "VIDEO"}
SPEECH = "audio/L16;codec=pcm;rate=24000"  # of speech that a provider streams without naming its format
EMPTY_PART: Json = {"text": ""}  # of a content that has nothing to say: Google's SDKs require a part


def render_response(completion: ChatCompletion, request: ChatRequest) -> Json:
    """Return the response; usage is estimated if the provider reports none."""
    candidates = [_render_choice(cast(Json, choice), request) for choice in completion["choices"]]
    usage = completion.get("usage")
    if usage:
        counts = render_usage(usage, completion.get("service_tier"))
    else:
        counts = estimate_usage(request, estimate_tokens(dump(candidates)))
    envelope = render_envelope(completion.get("id", ""), completion.get("model", ""))
    return {"candidates": candidates, "usageMetadata": counts, **envelope}


def render_envelope(completion_id: str, model: str) -> Json:
    return {"modelVersion": model, "responseId": completion_id.removeprefix("chatcmpl-")}


def render_candidate(index: int, parts: list[Json], choice: Json) -> Json:
    """Return a candidate with its finish reason, if the choice has one."""
    candidate: Json = {"content": {"parts": parts, "role": "model"}}
    if reason := choice.get("finish_reason"):
        native = choice.get("native_finish_reason")
        is_known = reason == "content_filter" and native in FILTERED
        candidate["finishReason"] = native if is_known else FINISH_REASONS.get(reason, "STOP")
    return {**candidate, "index": index}


def render_call(call: Json, state: Json) -> Json:
    """Return the part of a tool call. `state` is the message's, if this part shall carry it."""
    function = call.get("function") or call.get("custom") or {}
    arguments = parse_tool_input(function.get("arguments", function.get("input")))
    fields = {"id": call.get("id") or "", "name": function.get("name") or "", "args": arguments}
    part: Json = {"functionCall": fields}
    signature = pack_signature(state, opaque_fields(call))
    return {**part, "thoughtSignature": signature} if signature else part


def render_image(image: object) -> Json | None:
    """Return the part of an image, or None if its data is not at hand."""
    match image:
        case {"image_url": {"url": str(url)}} if url.startswith("data:"):
            head, _, data = url.partition(",")
            mime_type = head.removeprefix("data:").partition(";")[0]
            return {"inlineData": {"mimeType": mime_type, "data": data}}
        case {"image_url": {"url": str(url)}}:
            return {"fileData": {"fileUri": url}}
        case _:
            return None


def render_audio(data: str) -> Json:
    return {"inlineData": {"mimeType": SPEECH, "data": data}}


def render_logprobs(logprobs: object) -> Json | None:
    """Return the logprobsResult, or None if the choice has no logprobs."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not content:
        return None
    top = [
        {"candidates": [_render_token(each) for each in token.get("top_logprobs") or ()]} for token in content
    ]
    chosen = [_render_token(token) for token in content]
    return {"chosenCandidates": chosen, **({"topCandidates": top} if any(map(_has_tokens, top)) else {})}


def render_usage(usage: Usage, service_tier: str | None = None) -> Json:
    """Return usage in Google's form: `candidatesTokenCount` excludes reasoning."""
    prompt, completion = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    prompt_details = usage.get("prompt_tokens_details") or {}
    details = usage.get("completion_tokens_details") or {}
    reasoning = min(details.get("reasoning_tokens") or 0, completion)
    cached = prompt_details.get("cached_tokens") or 0
    rendered: Json = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": completion - reasoning,
        "totalTokenCount": prompt + completion,
        **({"cachedContentTokenCount": cached} if cached else {}),
        **({"thoughtsTokenCount": reasoning} if reasoning else {}),
        "promptTokensDetails": _modalities(prompt, prompt_details),
    }
    if any(details.get(name) for name in MODALITIES):
        rendered["candidatesTokensDetails"] = _modalities(completion - reasoning, details)
    return {**rendered, "serviceTier": service_tier} if service_tier else rendered


def estimate_usage(request: ChatRequest, output: int) -> Json:
    """Return estimated usage for a response whose provider reported none. `output` is in tokens."""
    counts: Usage = {"prompt_tokens": estimate_request(request), "completion_tokens": output}
    return {**render_usage(counts), "estimated": True}


def has_thoughts(request: ChatRequest) -> bool:
    """Return True if the client wants to see the model's thoughts."""
    return isinstance(request, GoogleRequest) and request.has_thoughts


def _render_choice(choice: Json, request: ChatRequest) -> Json:
    message: Json = choice["message"]
    parts = _render_parts(message, has_thoughts=has_thoughts(request))
    candidate = render_candidate(choice.get("index", 0), parts or [EMPTY_PART], choice)
    if grounding := render_grounding(message.get("annotations") or (), str(message.get("content") or "")):
        candidate["groundingMetadata"] = grounding
    if logprobs := render_logprobs(choice.get("logprobs")):
        candidate["logprobsResult"] = logprobs
    return candidate


def _render_parts(message: Json, *, has_thoughts: bool) -> list[Json]:
    parts: list[Json] = []
    thoughts, audio = message.get("reasoning_content"), message.get("audio")
    if thoughts and has_thoughts:
        parts.append({"text": thoughts, "thought": True})
    transcript = audio.get("transcript") if isinstance(audio, dict) else None
    texts = [message.get("content"), message.get("refusal"), transcript]
    parts += [{"text": text} for text in texts if isinstance(text, str) and text]
    parts += [part for image in message.get("images") or () if (part := render_image(image)) is not None]
    if isinstance(audio, dict) and isinstance(audio.get("data"), str):
        parts.append(render_audio(audio["data"]))
    state, calls = message_state(message), message.get("tool_calls") or []
    parts += [render_call(call, {} if i else state) for i, call in enumerate(calls)]
    if not calls and (signature := pack_signature(state, {})):
        last = parts.pop() if parts and not parts[-1].get("thought") else EMPTY_PART
        parts.append({**last, "thoughtSignature": signature})
    return parts


def _render_token(token: Json) -> Json:
    return {"token": token.get("token") or "", "logProbability": token.get("logprob") or 0.0}


def _has_tokens(step: Json) -> bool:
    return bool(step["candidates"])


def _modalities(total: int, details: Mapping[str, object]) -> list[Json]:
    """Return the tokens by modality; text has the remainder."""
    counts = {name: details.get(field) for field, name in MODALITIES.items()}
    others = {name: count for name, count in counts.items() if isinstance(count, int) and count > 0}
    counted = {"TEXT": max(total - sum(others.values()), 0), **others}
    return [{"modality": name, "tokenCount": count} for name, count in counted.items()]
