"""Golden cases: files in, files out. golden/<kind>/<case>/

case.json      the provider and its model, of the catalog as it is shipped, and the client's request
upstream.json  the posts to send and what that changed, or the field that is refused
answers.json   what the posts are answered
made.json      the answer for the client and its usage, or the error, or where to ask later
"""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.media.media_cases import ALL, artifact_of, load, target_of
from vaultcore.dialects import StreamFault
from vaultcore.errors import InvalidRequest
from vaultcore.media import Later, Part, Told, form, offers

CREATED = 1_700_000_000


def upstream(case: Path) -> Any:
    """What would be sent."""
    artifact, to = artifact_of(case), target_of(case)
    try:
        request = artifact.parse_request(load(case, "case")["request"])
        offer = offers.offer(to, artifact)
        order = form(artifact.kind, offer.format).render(dict(request), to, offer)
    except InvalidRequest as error:
        return {"refused": error.param, "message": str(error)}
    return {
        "base_url": offers.base_url(to.provider, offer),
        "posts": [asdict(post) for post in order.posts],
        "changes": [asdict(change) for change in order.changes],
    }


def made(case: Path) -> Any:
    """What the client would get."""
    artifact, to = artifact_of(case), target_of(case)
    offer = offers.offer(to, artifact)
    speak = form(artifact.kind, offer.format)
    try:
        found = [speak.parse(Told(each["body"], each.get("headers", {}))) for each in load(case, "answers")]
    except StreamFault as fault:
        return {"fault": asdict(fault.detail), "status": fault.status}
    except ValueError as error:
        return {"nonsense": str(error)}
    if any(isinstance(each, Later) for each in found):
        return {"later": [each.url for each in found if isinstance(each, Later)]}
    parts = [each for each in found if isinstance(each, Part)]
    answer = artifact.render_answer(load(case, "case")["request"], parts, to.provider.title, CREATED)
    return json.loads(json.dumps(asdict(answer)))


def ident(case: Path) -> str:
    return f"{case.parent.name}-{case.name}"


@pytest.mark.parametrize("case", ALL, ids=ident)
def test_golden_request(case: Path) -> None:
    """A request becomes the posts that its case says."""
    assert json.loads(json.dumps(upstream(case))) == load(case, "upstream")


@pytest.mark.parametrize("case", [case for case in ALL if (case / "answers.json").exists()], ids=ident)
def test_golden_answer(case: Path) -> None:
    """Answers become what their case says."""
    assert made(case) == load(case, "made")


@pytest.mark.parametrize("case", ALL, ids=ident)
def test_rendering_changes_nothing_it_is_given(case: Path) -> None:
    """The same request gives the same bytes twice, and is left as it was."""
    artifact, to, request = artifact_of(case), target_of(case), load(case, "case")["request"]
    before = copy.deepcopy(request)
    try:
        offer = offers.offer(to, artifact)
        speak = form(artifact.kind, offer.format)
        first, second = (json.dumps(asdict(speak.render(request, to, offer))) for _ in range(2))
    except InvalidRequest:
        return

    assert first == second
    assert request == before
