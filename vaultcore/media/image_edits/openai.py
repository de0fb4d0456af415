"""Image edits of OpenAI and compatible providers: a form with files, or JSON if an image is a URL."""

from __future__ import annotations

from dataclasses import replace

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change
from vaultcore.dialects.data_uri import is_data_uri
from vaultcore.media import RenderedMedia
from vaultcore.media.form import FormFile
from vaultcore.media.images import batches, openai
from vaultcore.wire import Json

parse = openai.parse


def render(request: Json, target: Target, offer: MediaOffer) -> RenderedMedia:
    changes: list[Change] = []
    options = {name: value for name, value in request.items() if name not in {"image", "mask"}}
    fields = batches.map_image_fields(options, target, offer, changes)
    urls, mask = request["image"], request.get("mask")
    is_form = all(is_data_uri(url) for url in (*urls, *([mask] if mask else ())))
    inputs = _files(urls, mask) if is_form else _urls(urls, mask)
    count_field = request.get("n") is not None

    def render_body(count: int) -> Json:
        return {**fields, **({"n": count} if count_field else {}), **inputs}

    rendered = batches.render_batches(request, target, offer, changes, render_body)
    return replace(rendered, requests=tuple(replace(each, is_form=is_form) for each in rendered.requests))


def _files(urls: list[str], mask: str | None) -> Json:
    files = [FormFile.from_data_uri(url, f"image[{i}]") for i, url in enumerate(urls)]
    # Models that edit one image know the field by its name alone.
    inputs: Json = {"image": files if len(files) > 1 else files[0]}
    return {**inputs, "mask": FormFile.from_data_uri(mask, "mask")} if mask else inputs


def _urls(urls: list[str], mask: str | None) -> Json:
    inputs: Json = {"images": [{"image_url": url} for url in urls]}
    return {**inputs, "mask": {"image_url": mask}} if mask else inputs
