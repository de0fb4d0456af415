"""Golden cases of media APIs, which consist of files: see golden/README.md."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.media.media_cases import ALL, api_of, load, request_of, target_of
from vaultcore.dialects import ErrorDetail, StreamFault
from vaultcore.errors import InvalidRequest
from vaultcore.media import MediaRequest, MediaResponse, MediaResult, PendingMedia, load_format, offers

CREATED = 1_700_000_000


def render(case: Path) -> Any:
    """Return the provider requests of a case, or its refusal."""
    api, target = api_of(case), target_of(case)
    try:
        request = api.parse_request(request_of(case))
        offer = offers.find_offer(target, api)
        rendered = load_format(api.kind, offer.format).render(dict(request), target, offer)
    except InvalidRequest as error:
        return {"refused": error.param, "message": str(error)}
    return {
        "base_url": offers.base_url(target.provider, offer),
        "requests": [_request(request) for request in rendered.requests],
        "changes": [asdict(change) for change in rendered.changes],
    }


def _detail(detail: ErrorDetail) -> Any:
    """Return an error of a case. No media format has an error with further fields."""
    assert (detail.details, detail.request_id, detail.retry_after) == (None, None, None)
    return {"message": detail.message, "code": detail.code, "param": detail.param}


def _request(request: MediaRequest) -> Any:
    """Return a request of a case. No format of the cases sends forms."""
    fields = asdict(request)
    assert not fields.pop("is_form")
    return fields


def parse(case: Path) -> Any:
    """Return the client's response of a case, or the error, or the URLs to poll."""
    api, target = api_of(case), target_of(case)
    media_format = load_format(api.kind, offers.find_offer(target, api).format)
    responses = [MediaResponse(each["body"], each.get("headers", {})) for each in load(case, "responses")]
    try:
        parsed = [media_format.parse(response) for response in responses]
    except StreamFault as fault:
        return {"fault": _detail(fault.detail), "status": fault.status}
    except ValueError as error:
        return {"invalid": str(error)}
    if any(isinstance(each, PendingMedia) for each in parsed):
        return {"pending": [each.url for each in parsed if isinstance(each, PendingMedia)]}
    results = [each for each in parsed if isinstance(each, MediaResult)]
    response = api.render_response(request_of(case), results, target.provider.title, CREATED)
    return json.loads(json.dumps(asdict(response)))


def case_id(case: Path) -> str:
    return f"{case.parent.name}-{case.name}"


@pytest.mark.parametrize("case", ALL, ids=case_id)
def test_golden_request(case: Path) -> None:
    """A request becomes the provider requests of upstream.json."""
    assert json.loads(json.dumps(render(case))) == load(case, "upstream")


@pytest.mark.parametrize("case", [case for case in ALL if (case / "responses.json").exists()], ids=case_id)
def test_golden_response(case: Path) -> None:
    """The provider's responses become result.json."""
    assert parse(case) == load(case, "result")


@pytest.mark.parametrize("case", ALL, ids=case_id)
def test_rendering_does_not_change_the_request(case: Path) -> None:
    """Rendering a request twice returns equal results and does not change it."""
    api, target, request = api_of(case), target_of(case), request_of(case)
    before = copy.deepcopy(request)
    try:
        offer = offers.find_offer(target, api)
        media_format = load_format(api.kind, offer.format)
        first, second = (json.dumps(asdict(media_format.render(request, target, offer))) for _ in range(2))
    except InvalidRequest:
        return

    assert first == second
    assert request == before
