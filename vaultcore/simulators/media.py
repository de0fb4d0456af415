"""Simulated embeddings, images and moderations, in the format and by the rules of each provider.

A vector is a pure function of its text. An image is a PNG signature followed by its prompt. A text that
contains "forbidden" is flagged.
"""

from __future__ import annotations

import re
import struct
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import blake2s
from typing import Any

from vaultcore.simulators.faults import SimulatedError

Json = dict[str, Any]
MediaHandler = Callable[[str, Json], Json]  # model, body -> response body

DIMENSIONS = 8  # of a vector, by default
CREATED = 1_760_000_000
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def vector(text: object, size: int = DIMENSIONS) -> list[float]:
    """Return numbers that fit 32 bits exactly, so that base64 and floats are equal."""
    seed = blake2s(str(text).encode(), digest_size=32).digest()
    return [(seed[i % 32] - 128) / 128 for i in range(size)]


def image(prompt: object, number: int = 0) -> str:
    """Return base64 of data that begins like a PNG file."""
    return b64encode(PNG_SIGNATURE + f"{prompt} {number}".encode()).decode()


def create_media(path: str, body: Json) -> Json | None:
    """Return the response body of a POST, or None for an unknown path. Raises SimulatedError."""
    for pattern, handler in HANDLERS.items():
        match = re.fullmatch(pattern, path)
        if match is not None:
            return handler(match.groupdict().get("model", ""), body)
    return None


def job_status(key: str, polls: int) -> Json:
    """Return Black Forest Labs' status of an image job after a number of polls: ready at the second."""
    if polls < 2:
        return {"id": key, "status": "Pending", "result": None}
    result = {"sample": f"https://delivery.example/{key}.png", "prompt": "", "seed": 1}
    return {"id": key, "status": "Ready", "result": result}


def _embeddings(_: str, body: Json) -> Json:
    _check_fields(body, "model", "input", "encoding_format", "dimensions", "user", "input_type")
    value = body.get("input")
    is_single = isinstance(value, str) or (isinstance(value, list) and value and isinstance(value[0], int))
    inputs = [value] if is_single else value
    _require(isinstance(inputs, list) and 0 < len(inputs) <= 2_048, "must contain 1 to 2048 inputs", "input")
    _require(all(inputs or ()), "must not contain an empty input", "input")
    size = body.get("dimensions", DIMENSIONS)
    vectors = [vector(each, size) for each in inputs or ()]
    is_base64 = body.get("encoding_format") == "base64"
    data = [
        {
            "object": "embedding",
            "index": i,
            "embedding": b64encode(struct.pack(f"<{size}f", *each)).decode() if is_base64 else each,
        }
        for i, each in enumerate(vectors)
    ]
    tokens = sum(len(str(each)) for each in inputs or ())
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data[::-1], "model": body["model"], "usage": usage}


def _gemini_embeddings(model: str, body: Json) -> Json:
    _check_fields(body, "requests")
    requests = body.get("requests")
    _require(
        isinstance(requests, list) and 0 < len(requests) <= 100, "at most 100 requests can be in one batch"
    )
    for each in requests or ():
        _check_fields(each, "model", "content", "taskType", "title", "outputDimensionality")
        _require(each.get("model") == f"models/{model}", "must be the model of the batch", "model")
    texts = ["".join(part["text"] for part in each["content"]["parts"]) for each in requests or ()]
    size = (requests or [{}])[0].get("outputDimensionality", DIMENSIONS)
    return {"embeddings": [{"values": vector(text, size)} for text in texts]}


def _cohere_embeddings(model: str, body: Json) -> Json:
    _check_fields(
        body,
        *([] if model else ["model"]),
        *("texts", "input_type", "embedding_types", "output_dimension", "truncate", "max_tokens"),
    )
    texts = body.get("texts")
    _require(
        isinstance(texts, list) and 0 < len(texts) <= 96,
        "invalid request: total number of texts must be 1-96",
    )
    kinds = ("search_document", "search_query", "classification", "clustering", "image")
    _require(
        body.get("input_type") in kinds, "invalid request: valid input_type must be provided", "input_type"
    )
    vectors = [vector(text, body.get("output_dimension", DIMENSIONS)) for text in texts or ()]
    response = {
        "id": "embed",
        "embeddings": {"float": vectors},
        "texts": texts,
        "response_type": "embeddings_by_type",
    }
    tokens = sum(map(len, texts or ()))
    return response if model else {**response, "meta": {"billed_units": {"input_tokens": tokens}}}


def _invoke(model: str, body: Json) -> Json:
    """Return the response of Bedrock's InvokeModel, which is the model vendor's own."""
    if "cohere" in model:
        return _cohere_embeddings(model, body)
    if "embed" in model:
        _check_fields(body, "inputText", "dimensions", "normalize", "embeddingTypes")
        text = str(body.get("inputText") or "")
        _require(text, "expected minLength: 1, actual: 0")
        return {
            "embedding": vector(text, body.get("dimensions", DIMENSIONS)),
            "inputTextTokenCount": len(text),
        }
    if "canvas" in model:
        _check_fields(body, "taskType", "textToImageParams", "imageGenerationConfig")
        prompt, config = body["textToImageParams"]["text"], body["imageGenerationConfig"]
        _check_fields(config, "numberOfImages", "width", "height", "quality", "cfgScale", "seed")
        return {"images": [image(prompt, i) for i in range(config["numberOfImages"])], "error": None}
    _check_fields(body, "prompt", "aspect_ratio", "mode", "output_format", "seed", "negative_prompt")
    return {"seeds": [1], "finish_reasons": [None], "images": [image(body["prompt"])]}


def _images(_: str, body: Json) -> Json:
    model = str(body.get("model"))
    is_gpt_image = "gpt-image" in model  # always returns base64
    _require(
        not (is_gpt_image and "response_format" in body),
        "Unknown parameter: 'response_format'.",
        "response_format",
    )
    count = body.get("n", 1)
    _require(not (model.startswith("dall-e-3") and count > 1), "you must provide n=1 for this model", "n")
    qualities = ("low", "medium", "high", "auto") if is_gpt_image else ("standard", "hd", "auto")
    _require(
        body.get("quality", "auto") in qualities, f"Invalid value: must be one of {qualities}", "quality"
    )
    is_base64 = is_gpt_image or body.get("response_format") in {"b64_json", "base64"}
    data: list[Json] = [
        {"b64_json": image(body["prompt"], i)} if is_base64 else {"url": f"https://pictures.example/{i}.png"}
        for i in range(count)
    ]
    usage = {"input_tokens": 9, "output_tokens": 100 * count, "total_tokens": 9 + 100 * count}
    details = {"text_tokens": 9, "image_tokens": 0}
    usage_field = {"usage": {**usage, "input_tokens_details": details}} if is_gpt_image else {}
    return {"created": CREATED, "data": data, **usage_field}


def _edits(_: str, body: Json) -> Json:
    _check_fields(
        body,
        *("model", "prompt", "image", "images", "mask", "n", "size", "quality", "background", "user"),
        *("output_format", "output_compression", "input_fidelity", "moderation", "response_format"),
    )
    _require(body.get("image") or body.get("images"), "is required", "image")
    edited = _images("", {**body, "n": int(body.get("n", 1))})
    if "usage" in edited:
        details = {"text_tokens": 9, "image_tokens": 300}
        edited["usage"] |= {"input_tokens": 309, "input_tokens_details": details}
    return edited


def _gemini_image(_: str, body: Json) -> Json:
    config = body["generationConfig"]
    _check_fields(config, "responseModalities", "imageConfig", "seed")
    _check_fields(config.get("imageConfig", {}), "aspectRatio", "imageSize")
    _require("IMAGE" in config["responseModalities"], "must request an image")
    prompt = body["contents"][0]["parts"][0]["text"]
    if "forbidden" in prompt:
        return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
    part = {"inlineData": {"mimeType": "image/png", "data": image(prompt)}}
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 1_290, "totalTokenCount": 1_295}
    content = {"role": "model", "parts": [{"text": "Here it is."}, part]}
    return {"candidates": [{"content": content, "finishReason": "STOP"}], "usageMetadata": usage}


def _imagen(_: str, body: Json) -> Json:
    parameters = body["parameters"]
    _check_fields(parameters, "sampleCount", "aspectRatio", "sampleImageSize")
    _require(1 <= parameters["sampleCount"] <= 4, "sampleCount must be between 1 and 4")
    prompt = body["instances"][0]["prompt"]
    predictions = [{"mimeType": "image/png", "bytesBase64Encoded": image(prompt, i)} for i in range(4)]
    return {"predictions": predictions[: parameters["sampleCount"]]}


def _fireworks(_: str, body: Json) -> Json:
    _check_fields(body, "prompt", "aspect_ratio", "guidance_scale", "num_inference_steps", "seed")
    data = f"data:image/png;base64,{image(body['prompt'])}"
    return {"id": "picture", "base64": [data], "finishReason": "SUCCESS", "seed": 1}


def _flux(_: str, body: Json) -> Json:
    _check_fields(
        body,
        *("prompt", "width", "height", "aspect_ratio", "seed", "output_format", "safety_tolerance"),
        *("prompt_upsampling", "steps", "guidance", "raw"),
    )
    _require(body.get("width", 32) % 16 == 0, "must be a multiple of 16", "width")
    return {"id": blake2s(body["prompt"].encode(), digest_size=6).hexdigest()}


def _moderations(_: str, body: Json) -> Json:
    """Return moderations of OpenAI; of Mistral, which accepts only texts, for its model names."""
    _check_fields(body, "model", "input")
    model, value = str(body.get("model")), body.get("input")
    items: list[Any] = value if isinstance(value, list) else [value]
    is_texts, is_mistral = all(isinstance(item, str) for item in items), model.startswith("mistral")
    _require(items and (is_texts or not is_mistral), "Input should be a valid string", "input")
    inputs = items if is_texts else [" ".join(item.get("text", "") for item in items)]
    results: list[Json] = []
    for text in inputs:
        is_flagged = "forbidden" in text
        scores = {"violence": 0.99 if is_flagged else 0.01, "selfharm" if is_mistral else "self-harm": 0.01}
        categories = {name: score > 0.5 for name, score in scores.items()}
        result: Json = {"categories": categories, "category_scores": scores}
        if not is_mistral:
            kinds = ["text"] if is_texts else sorted({str(item["type"]).partition("_")[0] for item in items})
            applied = dict.fromkeys(categories, kinds)
            result = {"flagged": is_flagged, **result, "category_applied_input_types": applied}
        results.append(result)
    return {"id": "modr-1", "model": model, "results": results}


HANDLERS: Mapping[str, MediaHandler] = {
    r"/embeddings": _embeddings,
    r"/models/(?P<model>[^/]+):batchEmbedContents": _gemini_embeddings,
    r"/v2/embed": _cohere_embeddings,
    r"/model/(?P<model>[^/]+)/invoke": _invoke,
    r"/images/generations": _images,
    r"/images/edits": _edits,
    r"/moderations": _moderations,
    r"/models/(?P<model>[^/]+):generateContent": _gemini_image,
    r"/models/(?P<model>[^/]+):predict": _imagen,
    r"/workflows/(?P<model>.+)/text_to_image": _fireworks,
    r"/(?P<model>flux-[a-z0-9.-]+)": _flux,
}


def _check_fields(body: Json, *names: str) -> None:
    for name in body:
        _require(name in names, f"Unrecognized request argument supplied: {name}", name)


def _require(condition: object, message: str, param: str | None = None) -> None:
    if not condition:
        raise SimulatedError(400, "invalid_request_error", message, param=param, code="invalid_value")
