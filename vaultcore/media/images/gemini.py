"""Gemini's image models, by generateContent: https://ai.google.dev/gemini-api/docs/image-generation."""

from __future__ import annotations

from vaultcore.catalog.schema import Offer, Target
from vaultcore.dialects import Change
from vaultcore.dialects.json_fields import an_object
from vaultcore.media import Order, Part, Told
from vaultcore.media.images import batches
from vaultcore.media.images.content_filter import withheld
from vaultcore.media.images.picture import drawn
from vaultcore.media.usage import count
from vaultcore.wire import Json

TAKEN = frozenset({"prompt", "n", "size", "response_format", "aspect_ratio", "seed"})
WORDLESS = (
    None,
    "STOP",
    "MAX_TOKENS",
    "NO_IMAGE",
    "OTHER",
    "IMAGE_OTHER",
)  # say nothing of the content's rules


def render(request: Json, target: Target, offer: Offer) -> Order:
    changes: list[Change] = []
    terms = batches.terms(request, target, offer, changes, taken=TAKEN)
    config: Json = {"responseModalities": ["IMAGE"]}
    shape = {"aspectRatio": terms.get("aspect_ratio"), "imageSize": terms.get("scale")}
    if any(shape.values()):
        config["imageConfig"] = {name: value for name, value in shape.items() if value}
    if "seed" in terms:
        config["seed"] = terms["seed"]
    whole: Json = {
        "contents": [{"role": "user", "parts": [{"text": terms["prompt"]}]}],
        "generationConfig": config,
    }
    return batches.order(request, target, offer, changes, lambda _: whole)


def parse(told: Told) -> Part:
    candidates = told.body.get("candidates")
    if not isinstance(candidates, list) or not candidates:
        feedback = told.body.get("promptFeedback")
        raise withheld(feedback.get("blockReason") if isinstance(feedback, dict) else None)
    candidate = an_object(candidates[0], "a candidate")
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    pictures = [found for part in parts or () if (found := _inline(part)) is not None]
    if not pictures:
        if candidate.get("finishReason") in WORDLESS:
            raise ValueError("an answer without pictures")
        raise withheld(candidate.get("finishMessage") or candidate.get("finishReason"))
    return Part(tuple(pictures), _usage(told.body.get("usageMetadata")))


def _inline(part: object) -> Json | None:
    """The picture in a part; one of the model's thoughts is none."""
    match part:
        case {"thought": True}:
            return None
        case {"inlineData": {"data": data}} | {"inline_data": {"data": data}}:
            return drawn(data)
        case _:
            return None


def _usage(meta: object) -> Json | None:
    if not isinstance(meta, dict):
        return None
    prompt, drawn = count(meta.get("promptTokenCount")), count(meta.get("candidatesTokenCount"))
    thought = count(meta.get("thoughtsTokenCount"))
    usage: Json = {
        "input_tokens": prompt,
        "input_tokens_details": {"text_tokens": prompt, "image_tokens": 0},
        "output_tokens": drawn + thought,
        "total_tokens": prompt + drawn + thought,
    }
    # Words beside a picture are few; who thought has not drawn with those tokens.
    return (
        {**usage, "output_tokens_details": {"image_tokens": drawn, "text_tokens": thought}}
        if thought
        else usage
    )
