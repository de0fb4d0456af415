"""Golden cases: one folder of input and expected files per case (see golden/README.md).

request.json, target.json -> upstream.json    the body for the provider, and the changes
answer.json               -> completion.json  the completion of a buffered response, or its fault
stream.sse                -> chunks.json      the chunks of a stream; a fault is the last of them
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.dialects import StreamFault, load_dialect
from vaultcore.dialects.tool_names import rename_tools
from vaultcore.routing.stream_joiner import StreamJoiner
from vaultcore.streams import sse

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path for path in GOLDEN.glob("*/*") if path.is_dir())
STREAMED = [case for case in CASES if (case / "stream.sse").exists()]
BOTH = [case for case in STREAMED if (case / "answer.json").exists()]


def load(case: Path, name: str) -> Any:
    path = case / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def target(case: Path) -> Target:
    row = load(case, "target")
    provider = {**row["provider"], "drop": frozenset(row["provider"].get("drop", ()))}
    capabilities = dict(row["model"].pop("capabilities", {}))
    capabilities["effort_levels"] = tuple(capabilities.get("effort_levels", ()))
    return Target(Provider(**provider), Model(**row["model"], capabilities=Capabilities(**capabilities)))


def fault(error: StreamFault) -> dict[str, Any]:
    return {"fault": error.detail.message, "code": error.detail.code, "status": error.status}


def decode(name: str, pieces: Iterable[bytes]) -> list[Any]:
    """Return the chunks of a stream; a fault is the last of them."""
    events, decoder, chunks = sse.Decoder(), load_dialect(name).create_decoder(), list[Any]()
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
    """Return the output for a case's input, or None if it has no such input."""
    dialect = load_dialect(case.parent.name)
    match name:
        case "upstream" if (request := load(case, "request")) is not None:
            renamed = rename_tools(request, dialect.tool_names)
            rendered = dialect.render_request(renamed.request, target(case))
            changes = [
                f"{change.kind} {change.path}: {change.reason}"
                for change in (*renamed.changes, *rendered.changes)
            ]
            return {"body": rendered.body, "changes": changes}
        case "completion" if (answer := load(case, "answer")) is not None:
            try:
                return dialect.parse_response(answer)
            except StreamFault as error:
                return fault(error)
        case "chunks" if (case / "stream.sse").exists():
            return decode(case.parent.name, [(case / "stream.sse").read_bytes()])
        case _:
            return None


def case_id(case: Path) -> str:
    return f"{case.parent.name}-{case.name}"


def fold(chunks: list[Any]) -> dict[str, Any]:
    """Return the message, finish reason and usage that a client accumulates from the first choice."""
    message: dict[str, Any] = {}
    usage = finish = None
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            finish = choice["finish_reason"] or finish
            for name, value in choice["delta"].items():
                message[name] = _join(message.get(name), value)
    return {"message": message, "finish_reason": finish, "usage": usage}


def _join(value: Any, more: Any) -> Any:
    match value, more:
        case None, list():
            return _join([], more)
        case list(), list():
            by_index = {item["index"]: item for item in value}
            for item in more:
                by_index[item["index"]] = _join(by_index.get(item["index"], {}), item)
            return [by_index[index] for index in sorted(by_index)]
        case dict(), dict():
            return {**value, **{name: _join(value.get(name), item) for name, item in more.items()}}
        case str(), str() if value not in {"function", "thinking", "redacted_thinking", "url_citation"}:
            return value + more
        case _:
            return value if more is None else more


def comparable(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message without indexes and empty fields, which streams and buffered responses differ in."""
    plain = json.loads(json.dumps(message))
    for name in ("tool_calls", "thinking_blocks", "annotations"):
        for item in plain.get(name) or ():
            item.pop("index", None)
    return {name: value for name, value in plain.items() if value not in (None, "")}


@pytest.mark.parametrize("case", CASES, ids=case_id)
@pytest.mark.parametrize("name", ["upstream", "completion", "chunks"])
def test_golden(case: Path, name: str) -> None:
    """The input files of a case give its expected files."""
    assert outcome(case, name) == load(case, name)


@pytest.mark.parametrize("case", [case for case in CASES if (case / "request.json").exists()], ids=case_id)
def test_x29_rendering_is_pure_and_stable(case: Path) -> None:
    """Rendering leaves the request unchanged and gives the same bytes for the same request."""
    request, dialect, to = load(case, "request"), load_dialect(case.parent.name), target(case)
    before = copy.deepcopy(request)
    first, second = (json.dumps(dialect.render_request(request, to).body) for _ in range(2))

    assert first == second
    assert json.dumps(request) == json.dumps(before)


@pytest.mark.parametrize("case", STREAMED, ids=case_id)
def test_ar16_chunks_do_not_depend_on_splits(case: Path) -> None:
    """The chunks do not depend on how the bytes of a stream are split."""
    raw, name, chunks = (case / "stream.sse").read_bytes(), case.parent.name, load(case, "chunks")

    assert decode(name, [raw[i : i + 1] for i in range(len(raw))]) == chunks
    assert decode(name, [raw.replace(b"\n", b"\r\n")]) == chunks
    for cut in range(1, len(raw), 7):
        assert decode(name, [raw[:cut], raw[cut:]]) == chunks


@pytest.mark.parametrize("case", BOTH, ids=case_id)
def test_streamed_and_buffered_responses_agree(case: Path) -> None:
    """The accumulated chunks of a stream equal the buffered response."""
    streamed, buffered = fold(load(case, "chunks")), load(case, "completion")
    choice = buffered["choices"][0]

    assert comparable(streamed["message"]) == comparable(choice["message"])
    assert streamed["finish_reason"] == choice["finish_reason"]
    assert streamed["usage"] == buffered["usage"]


@pytest.mark.parametrize("case", BOTH, ids=case_id)
def test_the_sdk_accumulates_the_stream(case: Path) -> None:
    """The OpenAI SDK accumulates the chunks to the same message."""
    from openai.lib.streaming.chat import ChatCompletionStreamState
    from openai.types.chat import ChatCompletionChunk

    state, choice = ChatCompletionStreamState(), load(case, "completion")["choices"][0]
    joiner = StreamJoiner("chatcmpl-1", "m", 0)
    for chunk in load(case, "chunks"):
        state.handle_chunk(ChatCompletionChunk.model_validate(joiner.join(chunk)))
    snapshot = state.current_completion_snapshot.choices[0]
    calls = [
        (call.id, call.function.name, call.function.arguments) for call in snapshot.message.tool_calls or ()
    ]

    assert snapshot.finish_reason == choice["finish_reason"]
    assert (snapshot.message.content or "") == (choice["message"]["content"] or "")
    assert calls == [
        (call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in choice["message"].get("tool_calls") or ()
    ]
