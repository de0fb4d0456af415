"""What a client sees of a stream, whoever speaks."""

from __future__ import annotations

from vaultcore.routing.splice import Splice
from vaultcore.wire import ChatChunk, Delta, FinishReason


def chunk(delta: Delta, finish: FinishReason | None = None, index: int = 0) -> ChatChunk:
    choices = [{"index": index, "delta": delta, "finish_reason": finish}]
    return {"id": "theirs", "model": "their-name", "created": 1, "choices": choices}  # type: ignore[typeddict-item]


def test_q38_one_id_one_model_one_time() -> None:
    """Every chunk bears the gateway's id, the name the client asked for, and the time the call began."""
    splice = Splice("ours", "asked-for", 42)
    seen = [splice.accept(chunk({"content": "a"})), splice.accept({"id": "other", "choices": []})]

    assert {(each["id"], each["model"], each["created"]) for each in seen} == {("ours", "asked-for", 42)}


def test_each_choice_opens_with_a_role_once() -> None:
    """The first delta of every choice says who speaks, also where the provider did not; later ones do not."""
    splice = Splice("ours", "m", 1)
    seen = [
        splice.accept(chunk({"content": text}, index=index)) for index, text in [(0, "a"), (1, "b"), (0, "c")]
    ]

    assert ["role" in each["choices"][0]["delta"] for each in seen] == [True, True, False]


def test_what_was_given_is_not_changed() -> None:
    """A chunk is answered with a new one."""
    given = chunk({"content": "a"})
    Splice("ours", "m", 1).accept(given)

    assert given == chunk({"content": "a"})


def test_the_last_usage_counts() -> None:
    """Usage in a stream is cumulative: what comes later replaces what came before, and none means none."""
    splice = Splice("ours", "m", 1)
    for tokens in (1, 5):
        splice.accept({**chunk({}), "usage": {"completion_tokens": tokens}})
    splice.accept({**chunk({}, "stop"), "usage": None})

    assert splice.usage == {"completion_tokens": 5}
    assert splice.finished
