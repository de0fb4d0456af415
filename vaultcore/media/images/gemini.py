"""Gemini's image models, by generateContent: https://ai.google.dev/gemini-api/docs/image-generation."""

from __future__ import annotations

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change
from vaultcore.dialects.json_fields import require_object
from vaultcore.media import MediaResponse, MediaResult, RenderedMedia
from vaultcore.media.images import batches
from vaultcore.media.images.image_data import content_filter_fault, image_from_base64
from vaultcore.media.response_fields import token_count
from vaultcore.wire import Json

SUPPORTED = frozenset({"prompt", "n", "size", "response_format", "aspect_ratio", "seed"})
# Finish reasons of a response without an image that are not due to a content filter.
UNFILTERED = (None, "STOP", "MAX_TOKENS", "NO_IMAGE", "OTHER", "IMAGE_OTHER")


def render(request: Json, target: Target, offer: MediaOffer) -> RenderedMedia:
    changes: list[Change] = []
    fields = batches.map_image_fields(request, target, offer, changes, supported=SUPPORTED)
    config: Json = {"responseModalities": ["IMAGE"]}
    image_config = {"aspectRatio": fields.get("aspect_ratio"), "imageSize": fields.get("scale")}
    if any(image_config.values()):
        config["imageConfig"] = {name: value for name, value in image_config.items() if value}
    if "seed" in fields:
        config["seed"] = fields["seed"]
    body: Json = {
        "contents": [{"role": "user", "parts": [{"text": fields["prompt"]}]}],
        "generationConfig": config,
    }
    return batches.render_batches(request, target, offer, changes, lambda _: body)


def parse(response: MediaResponse) -> MediaResult:
    candidates = response.body.get("candidates")
    if not isinstance(candidates, list) or not candidates:
        feedback = response.body.get("promptFeedback")
        raise content_filter_fault(feedback.get("blockReason") if isinstance(feedback, dict) else None)
    candidate = require_object(candidates[0], "a candidate")
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    parts = parts if isinstance(parts, list) else []
    images = [image for part in parts if (image := _parse_part(part)) is not None]
    if not images:
        if candidate.get("finishReason") in UNFILTERED:
            raise ValueError("the response has no images")
        raise content_filter_fault(candidate.get("finishMessage") or candidate.get("finishReason"))
    return MediaResult(tuple(images), _parse_usage(response.body.get("usageMetadata")))


def _parse_part(part: object) -> Json | None:
    """Return the image of a part, or None. An image of the model's reasoning is not part of the result."""
    match part:
        case {"thought": True}:
            return None
        case {"inlineData": {"data": data}} | {"inline_data": {"data": data}}:
            return image_from_base64(data)
        case _:
            return None


def _parse_usage(metadata: object) -> Json | None:
    if not isinstance(metadata, dict):
        return None
    prompt = token_count(metadata.get("promptTokenCount"))
    output = token_count(metadata.get("candidatesTokenCount"))
    reasoning = token_count(metadata.get("thoughtsTokenCount"))
    usage: Json = {
        "input_tokens": prompt,
        "input_tokens_details": {"text_tokens": prompt, "image_tokens": 0},
        "output_tokens": output + reasoning,
        "total_tokens": prompt + output + reasoning,
    }
    # The text beside an image is short and counts as image tokens. Reasoning is billed as text.
    details = {"image_tokens": output, "text_tokens": reasoning}
    return {**usage, "output_tokens_details": details} if reasoning else usage
