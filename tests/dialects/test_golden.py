"""Golden cases: a folder per case, files in and files out, no code.

request.json, target.json -> upstream.json    what is sent, and what that changed
answer.json               -> completion.json  what a buffered answer says, or the fault it is
stream.sse                -> chunks.json      what a streamed answer says, or the fault it ends in
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.dialects import StreamFault, dialect
from vaultcore.streams import sse

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path for path in GOLDEN.glob("*/*") if path.is_dir())
STREAMED = [case for case in CASES if (case / "stream.sse").exists()]
TWICE = [case for case in STREAMED if (case / "answer.json").exists()]


def load(case: Path, name: str) -> Any:
    path = case / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def target(case: Path) -> Target:
    told = load(case, "target")
    provider = {**told["provider"], "drop": frozenset(told["provider"].get("drop", ()))}
    able = dict(told["model"].pop("capabilities", {}))
    able["effort_levels"] = tuple(able.get("effort_levels", ()))
    return Target(Provider(**provider), Model(**told["model"], capabilities=Capabilities(**able)))


def fault(error: StreamFault) -> dict[str, Any]:
    return {"fault": error.detail.message, "code": error.detail.code, "status": error.status}


def decode(name: str, pieces: Iterable[bytes]) -> list[Any]:
    """A stream's chunks, a fault as the last of them."""
    events, decoder, chunks = sse.Decoder(), dialect(name).decoder(), list[Any]()
    try:
        for piece in pieces:
            for event in events.feed(piece):
                chunks += decoder.feed(event)
        for event in events.close():
            chunks += decoder.feed(event)
        chunks += decoder.close()
    except StreamFault as error:
        chunks.append(fault(error))
    return chunks


def outcome(case: Path, name: str) -> Any:
    """What the dialect makes of a case's input; None where it has no such input."""
    speak = dialect(case.parent.name)
    match name:
        case "upstream" if (request := load(case, "request")) is not None:
            rendered = speak.render_request(request, target(case))
            changes = [f"{change.kind} {change.path}: {change.reason}" for change in rendered.changes]
            return {"body": rendered.body, "changes": changes}
        case "completion" if (answer := load(case, "answer")) is not None:
            try:
                return speak.parse_completion(answer)
            except StreamFault as error:
                return fault(error)
        case "chunks" if (case / "stream.sse").exists():
            return decode(case.parent.name, [(case / "stream.sse").read_bytes()])
        case _:
            return None


def ident(case: Path) -> str:
    return f"{case.parent.name}-{case.name}"


def fold(chunks: list[Any]) -> dict[str, Any]:
    """What a client holds once it has put all chunks together: first choice and usage."""
    message: dict[str, Any] = {}
    usage = finish = None
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            finish = choice["finish_reason"] or finish
            for name, value in choice["delta"].items():
                message[name] = _joined(message.get(name), value)
    return {"message": message, "finish_reason": finish, "usage": usage}


def _joined(held: Any, more: Any) -> Any:
    match held, more:
        case None, list():
            return _joined([], more)
        case list(), list():
            by_index = {item["index"]: item for item in held}
            for item in more:
                by_index[item["index"]] = _joined(by_index.get(item["index"], {}), item)
            return [by_index[index] for index in sorted(by_index)]
        case dict(), dict():
            return {**held, **{name: _joined(held.get(name), value) for name, value in more.items()}}
        case str(), str() if held not in {"function", "thinking", "redacted_thinking", "url_citation"}:
            return held + more
        case _:
            return held if more is None else more


def told(message: dict[str, Any]) -> dict[str, Any]:
    """A message without what only streams or only buffered answers carry."""
    plain = json.loads(json.dumps(message))
    for name in ("tool_calls", "thinking_blocks", "annotations"):
        for item in plain.get(name) or ():
            item.pop("index", None)
    return {name: value for name, value in plain.items() if value not in (None, "")}


@pytest.mark.parametrize("case", CASES, ids=ident)
@pytest.mark.parametrize("name", ["upstream", "completion", "chunks"])
def test_golden(case: Path, name: str) -> None:
    """What a case's files put in comes out as its files say."""
    assert outcome(case, name) == load(case, name)


@pytest.mark.parametrize("case", [case for case in CASES if (case / "request.json").exists()], ids=ident)
def test_x29_rendering_is_pure_and_stable(case: Path) -> None:
    """Rendering changes nothing it is given, and gives the same bytes for the same request."""
    request, speak, to = load(case, "request"), dialect(case.parent.name), target(case)
    before = copy.deepcopy(request)
    first, second = (json.dumps(speak.render_request(request, to).body) for _ in range(2))

    assert first == second
    assert json.dumps(request) == json.dumps(before)


@pytest.mark.parametrize("case", STREAMED, ids=ident)
def test_ar16_cuts_of_a_stream_do_not_matter(case: Path) -> None:
    """The same chunks come out wherever the bytes of a stream are cut."""
    raw, name, chunks = (case / "stream.sse").read_bytes(), case.parent.name, load(case, "chunks")

    assert decode(name, [raw[i : i + 1] for i in range(len(raw))]) == chunks
    assert decode(name, [raw.replace(b"\n", b"\r\n")]) == chunks
    for cut in range(1, len(raw), 7):
        assert decode(name, [raw[:cut], raw[cut:]]) == chunks


@pytest.mark.parametrize("case", TWICE, ids=ident)
def test_nothing_is_lost_in_a_stream(case: Path) -> None:
    """A stream's chunks put together say what the buffered answer says."""
    streamed, buffered = fold(load(case, "chunks")), load(case, "completion")
    choice = buffered["choices"][0]

    assert told(streamed["message"]) == told(choice["message"])
    assert streamed["finish_reason"] == choice["finish_reason"]
    assert streamed["usage"] == buffered["usage"]


@pytest.mark.parametrize("case", TWICE, ids=ident)
def test_the_sdk_reads_the_stream(case: Path) -> None:
    """The OpenAI SDK's own accumulator puts the chunks together to the same message."""
    from openai.lib.streaming.chat import ChatCompletionStreamState
    from openai.types.chat import ChatCompletionChunk

    state, choice = ChatCompletionStreamState(), load(case, "completion")["choices"][0]
    for chunk in load(case, "chunks"):
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    held = state.current_completion_snapshot.choices[0]
    calls = [(call.id, call.function.name, call.function.arguments) for call in held.message.tool_calls or ()]

    assert held.finish_reason == choice["finish_reason"]
    assert (held.message.content or "") == (choice["message"]["content"] or "")
    assert calls == [
        (call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in choice["message"].get("tool_calls") or ()
    ]
