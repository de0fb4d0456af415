"""What simulated providers make beside chat: vectors and pictures, in every format, by each format's rules.

A vector is a pure function of its text; a picture is one dot, and says in a comment what it should show.
"""

from __future__ import annotations

import re
import struct
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import blake2s
from typing import Any

from vaultcore.simulators.faults import Refused

Json = dict[str, Any]
Maker = Callable[[str, Json], Json]

DIMENSIONS = 8
CREATED = 1_760_000_000
PNG = b"\x89PNG\r\n\x1a\n"


def vector(text: object, size: int = DIMENSIONS) -> list[float]:
    """Numbers that 32 bits hold exactly, so that base64 and floats are the same."""
    seed = blake2s(str(text).encode(), digest_size=32).digest()
    return [(seed[i % 32] - 128) / 128 for i in range(size)]


def picture(prompt: object, number: int = 0) -> str:
    """Base64 of something that begins as a PNG does."""
    return b64encode(PNG + f"{prompt} {number}".encode()).decode()


def make(path: str, body: Json) -> Json | None:
    """What a POST to a path brings, None where nothing here answers to it. Raises Refused."""
    for pattern, maker in MAKERS.items():
        found = re.fullmatch(pattern, path)
        if found is not None:
            return maker(found.groupdict().get("model", ""), body)
    return None


def status(key: str, asked: int) -> Json:
    """What Black Forest Labs says of an order that has been asked about so many times."""
    if asked < 2:
        return {"id": key, "status": "Pending", "result": None}
    result = {"sample": f"https://delivery.example/{key}.png", "prompt": "", "seed": 1}
    return {"id": key, "status": "Ready", "result": result}


def _embeddings(_: str, body: Json) -> Json:
    _known(body, "model", "input", "encoding_format", "dimensions", "user", "input_type")
    asked = body.get("input")
    alone = isinstance(asked, str) or (isinstance(asked, list) and asked and isinstance(asked[0], int))
    inputs = [asked] if alone else asked
    _rule(isinstance(inputs, list) and 0 < len(inputs) <= 2_048, "must hold 1 to 2048 inputs", "input")
    _rule(all(inputs or ()), "must not hold an empty input", "input")
    size = body.get("dimensions", DIMENSIONS)
    made = [vector(each, size) for each in inputs or ()]
    coded = body.get("encoding_format") == "base64"
    data = [
        {
            "object": "embedding",
            "index": i,
            "embedding": b64encode(struct.pack(f"<{size}f", *each)).decode() if coded else each,
        }
        for i, each in enumerate(made)
    ]
    tokens = sum(len(str(each)) for each in inputs or ())
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data[::-1], "model": body["model"], "usage": usage}


def _gemini_embeddings(model: str, body: Json) -> Json:
    _known(body, "requests")
    requests = body.get("requests")
    _rule(isinstance(requests, list) and 0 < len(requests) <= 100, "at most 100 requests can be in one batch")
    for each in requests or ():
        _known(each, "model", "content", "taskType", "title", "outputDimensionality")
        _rule(each.get("model") == f"models/{model}", "must be the model of the batch", "model")
    texts = ["".join(part["text"] for part in each["content"]["parts"]) for each in requests or ()]
    size = (requests or [{}])[0].get("outputDimensionality", DIMENSIONS)
    return {"embeddings": [{"values": vector(text, size)} for text in texts]}


def _cohere_embeddings(model: str, body: Json) -> Json:
    _known(
        body,
        *([] if model else ["model"]),
        *("texts", "input_type", "embedding_types", "output_dimension", "truncate", "max_tokens"),
    )
    texts = body.get("texts")
    _rule(
        isinstance(texts, list) and 0 < len(texts) <= 96,
        "invalid request: total number of texts must be 1-96",
    )
    kinds = ("search_document", "search_query", "classification", "clustering", "image")
    _rule(body.get("input_type") in kinds, "invalid request: valid input_type must be provided", "input_type")
    made = [vector(text, body.get("output_dimension", DIMENSIONS)) for text in texts or ()]
    told = {
        "id": "embed",
        "embeddings": {"float": made},
        "texts": texts,
        "response_type": "embeddings_by_type",
    }
    tokens = sum(map(len, texts or ()))
    return told if model else {**told, "meta": {"billed_units": {"input_tokens": tokens}}}


def _invoke(model: str, body: Json) -> Json:
    """Bedrock's InvokeModel: each vendor's own body."""
    if "cohere" in model:
        return _cohere_embeddings(model, body)
    if "embed" in model:
        _known(body, "inputText", "dimensions", "normalize", "embeddingTypes")
        text = str(body.get("inputText") or "")
        _rule(text, "expected minLength: 1, actual: 0")
        return {
            "embedding": vector(text, body.get("dimensions", DIMENSIONS)),
            "inputTextTokenCount": len(text),
        }
    if "canvas" in model:
        _known(body, "taskType", "textToImageParams", "imageGenerationConfig")
        prompt, config = body["textToImageParams"]["text"], body["imageGenerationConfig"]
        _known(config, "numberOfImages", "width", "height", "quality", "cfgScale", "seed")
        return {"images": [picture(prompt, i) for i in range(config["numberOfImages"])], "error": None}
    _known(body, "prompt", "aspect_ratio", "mode", "output_format", "seed", "negative_prompt")
    return {"seeds": [1], "finish_reasons": [None], "images": [picture(body["prompt"])]}


def _images(_: str, body: Json) -> Json:
    named = str(body.get("model"))
    always = "gpt-image" in named
    _rule(
        not (always and "response_format" in body), "Unknown parameter: 'response_format'.", "response_format"
    )
    count = body.get("n", 1)
    _rule(not (named.startswith("dall-e-3") and count > 1), "you must provide n=1 for this model", "n")
    words = ("low", "medium", "high", "auto") if always else ("standard", "hd", "auto")
    _rule(body.get("quality", "auto") in words, f"Invalid value: must be one of {words}", "quality")
    coded = always or body.get("response_format") in {"b64_json", "base64"}
    data: list[Json] = [
        {"b64_json": picture(body["prompt"], i)} if coded else {"url": f"https://pictures.example/{i}.png"}
        for i in range(count)
    ]
    usage = {"input_tokens": 9, "output_tokens": 100 * count, "total_tokens": 9 + 100 * count}
    details = {"text_tokens": 9, "image_tokens": 0}
    counted = {"usage": {**usage, "input_tokens_details": details}} if always else {}
    return {"created": CREATED, "data": data, **counted}


def _gemini_image(_: str, body: Json) -> Json:
    config = body["generationConfig"]
    _known(config, "responseModalities", "imageConfig", "seed")
    _known(config.get("imageConfig", {}), "aspectRatio", "imageSize")
    _rule("IMAGE" in config["responseModalities"], "must ask for a picture")
    prompt = body["contents"][0]["parts"][0]["text"]
    if "forbidden" in prompt:
        return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
    part = {"inlineData": {"mimeType": "image/png", "data": picture(prompt)}}
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 1_290, "totalTokenCount": 1_295}
    content = {"role": "model", "parts": [{"text": "Here it is."}, part]}
    return {"candidates": [{"content": content, "finishReason": "STOP"}], "usageMetadata": usage}


def _imagen(_: str, body: Json) -> Json:
    parameters = body["parameters"]
    _known(parameters, "sampleCount", "aspectRatio", "sampleImageSize")
    _rule(1 <= parameters["sampleCount"] <= 4, "sampleCount must be between 1 and 4")
    prompt = body["instances"][0]["prompt"]
    made = [{"mimeType": "image/png", "bytesBase64Encoded": picture(prompt, i)} for i in range(4)]
    return {"predictions": made[: parameters["sampleCount"]]}


def _fireworks(_: str, body: Json) -> Json:
    _known(body, "prompt", "aspect_ratio", "guidance_scale", "num_inference_steps", "seed")
    data = f"data:image/png;base64,{picture(body['prompt'])}"
    return {"id": "picture", "base64": [data], "finishReason": "SUCCESS", "seed": 1}


def _flux(_: str, body: Json) -> Json:
    _known(
        body,
        *("prompt", "width", "height", "aspect_ratio", "seed", "output_format", "safety_tolerance"),
        *("prompt_upsampling", "steps", "guidance", "raw"),
    )
    _rule(body.get("width", 32) % 16 == 0, "must be a multiple of 16", "width")
    return {"id": blake2s(body["prompt"].encode(), digest_size=6).hexdigest()}


MAKERS: Mapping[str, Maker] = {
    r"/embeddings": _embeddings,
    r"/models/(?P<model>[^/]+):batchEmbedContents": _gemini_embeddings,
    r"/v2/embed": _cohere_embeddings,
    r"/model/(?P<model>[^/]+)/invoke": _invoke,
    r"/images/generations": _images,
    r"/models/(?P<model>[^/]+):generateContent": _gemini_image,
    r"/models/(?P<model>[^/]+):predict": _imagen,
    r"/workflows/(?P<model>.+)/text_to_image": _fireworks,
    r"/(?P<model>flux-[a-z0-9.-]+)": _flux,
}


def _known(body: Json, *names: str) -> None:
    for name in body:
        _rule(name in names, f"Unrecognized request argument supplied: {name}", name)


def _rule(kept: object, message: str, param: str | None = None) -> None:
    if not kept:
        raise Refused(400, "invalid_request_error", message, param=param, code="invalid_value")
