"""Requests for edited images: what is accepted, and what is reserved for them."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.errors import InvalidRequest
from vaultcore.media import image_edits
from vaultcore.usage.request_estimate import EDITED_IMAGE, estimate_image_edits

PICTURE = "data:image/png;base64,iVBORw0KGgo="
URL = "https://pictures.example/0.png"
VALID: dict[str, Any] = {"model": "gpt-image-1", "prompt": "a hat"}
ACCEPTED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a file": ({"image": PICTURE}, [PICTURE]),
    "files": ({"image": [PICTURE, PICTURE]}, [PICTURE, PICTURE]),
    "URLs of JSON": ({"images": [{"image_url": URL}, {"image_url": PICTURE}]}, [URL, PICTURE]),
    "numbers as text": ({"image": PICTURE, "n": "2", "output_compression": "80"}, [PICTURE]),
    "no stream": ({"image": PICTURE, "stream": "false"}, [PICTURE]),
}
REJECTED: dict[str, tuple[dict[str, Any], str]] = {
    "no image": ({}, "image"),
    "no images": ({"images": []}, "images"),
    "17 images": ({"image": [PICTURE] * 17}, "image"),
    "a number": ({"image": [1]}, "image[0]"),
    "plain http": ({"images": [{"image_url": "http://pictures.example"}]}, "images[0]"),
    "a path": ({"image": "/etc/passwd"}, "image[0]"),
    "a file by id": ({"images": [{"file_id": "file-1"}]}, "images[0]"),
    "a mask by id": ({"image": PICTURE, "mask": {"file_id": "file-1"}}, "mask"),
    "no prompt": ({"image": PICTURE, "prompt": " "}, "prompt"),
    "n not a number": ({"image": PICTURE, "n": "two"}, "n"),
    "many": ({"image": PICTURE, "n": "11"}, "n"),
    "a stream": ({"image": PICTURE, "stream": "true"}, "stream"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_requests(name: str) -> None:
    """Forms and JSON bodies become one shape: a list of URLs, and numbers as numbers."""
    fields, urls = ACCEPTED[name]
    request: dict[str, Any] = dict(image_edits.parse_request({**VALID, **fields}))
    assert request["image"] == urls
    assert "images" not in request
    assert request.get("n") == (2 if "n" in fields else None)


@pytest.mark.parametrize("name", REJECTED)
def test_rejected_requests(name: str) -> None:
    """An invalid field is a 400 error that names it."""
    fields, param = REJECTED[name]
    with pytest.raises(InvalidRequest) as caught:
        image_edits.parse_request({**VALID, **fields})
    assert caught.value.param == param


def test_every_image_is_reserved() -> None:
    """Each image to edit, and the mask, is reserved with the tokens of the largest image."""
    plain = estimate_image_edits({**VALID, "image": [PICTURE]})
    more = estimate_image_edits({**VALID, "image": [PICTURE] * 3, "mask": PICTURE})
    assert more.prompt - plain.prompt == 3 * EDITED_IMAGE
