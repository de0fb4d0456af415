"""`POST /v1/images/edits`: https://platform.openai.com/docs/api-reference/images/createEdit.

Clients send a form with files, or JSON with URLs in `images` and `mask`. Both become one JSON object: `image`
is a list of URLs or data URIs, `mask` is one.
"""

from __future__ import annotations

from vaultcore.casts import cast
from vaultcore.media import Kind, images
from vaultcore.media.images import MAX_IMAGES, size
from vaultcore.media.validation import check_integer, check_string, reject, require_field, validate_body
from vaultcore.wire import ChatRequest, Json

MAX_INPUTS = 16  # images to edit; the limit of OpenAI's GPT image models
COUNTS = ("n", "output_compression", "partial_images")  # whole numbers, which a form contains as text
TEXTS = ("size", "quality", "background", "output_format", "input_fidelity", "moderation", "user")

kind: Kind = "image_edits"
native = ""
headers = ()
unsupported_types = images.unsupported_types
is_complete, render_response, has_price = images.is_complete, images.render_response, images.has_price


def parse_request(body: object) -> ChatRequest:
    request = dict(validate_body(body))
    if not isinstance(prompt := require_field(request, "prompt"), str):
        reject("prompt", "must be a string", code="invalid_type")
    if not prompt.strip():
        reject("prompt", "must not be empty")
    for name in COUNTS:
        if isinstance(value := request.get(name), str):
            request[name] = _whole_number(name, value)
    check_integer(request, "n", most=MAX_IMAGES)
    check_string(request, "response_format", ("url", "b64_json"))
    for name in TEXTS:
        check_string(request, name)
    size.parse_size(request.get("size"))
    if request.pop("stream", None) not in (None, False, "false"):
        reject("stream", "is not supported for images", code="unsupported_parameter")
    request["image"] = _inputs(request)
    if (mask := request.get("mask")) is not None:
        request["mask"] = _url(mask, "mask")
    return cast(ChatRequest, request)


def _inputs(request: Json) -> list[str]:
    """Return the images to edit, from `image` of a form or `images` of a JSON body."""
    name = "images" if request.get("image") is None else "image"
    value = require_field(request, name) if name in request else reject("image", "is required")
    request.pop("images", None)
    items = value if isinstance(value, list) else [value]
    if not 1 <= len(items) <= MAX_INPUTS:
        reject(name, f"must be 1 to {MAX_INPUTS} images")
    return [_url(item, f"{name}[{i}]") for i, item in enumerate(items)]


def _whole_number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        reject(name, "must be a whole number", code="invalid_type")
    return int(text)


def _url(value: object, param: str) -> str:
    """Return the URL or data URI of an image."""
    if isinstance(value, dict) and "file_id" in value:
        text = "must contain the image: the gateway has no files API"
        reject(param, text, code="unsupported_parameter")
    url = value.get("image_url") if isinstance(value, dict) else value
    if not (isinstance(url, str) and url.lower().startswith(("data:", "https://"))):
        reject(param, "must be a file, or an object whose image_url is an https URL or a data URI")
    return url
