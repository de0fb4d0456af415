from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import emf
from tests.fakes.emf import total
from vaultcore.telemetry.emf import BY_PROVIDER, NAMESPACE, UNITS, Emf

NAMES = st.sampled_from(sorted(UNITS))
VALUES = st.dictionaries(NAMES, st.floats(0, 1e12) | st.integers(0, 10**15), min_size=1)
PROVIDERS = st.sampled_from([None, "openai", "gröq", "a b"])


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def written(stream: io.StringIO) -> Callable[[], list[emf.Metric]]:
    return lambda: emf.metrics(stream.getvalue())


@given(st.lists(st.tuples(VALUES, PROVIDERS, st.sampled_from([None, "throttled"]))))
def test_every_line_is_what_cloudwatch_reads(
    requests: list[tuple[dict[str, float], str | None, str | None]],
) -> None:
    """Whatever the figures, a request is one line of EMF, and every figure arrives as it was given."""
    stream = io.StringIO()
    sink = Emf(stream, lambda: 1_700_000_000.5)
    for values, provider, error in requests:
        sink.write(values, provider, error, "abc")

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == len(requests)
    for line, (values, provider, _) in zip(lines, requests, strict=True):
        found = list(emf.read(line))
        assert line["_aws"]["Timestamp"] == 1_700_000_000_500
        assert {metric.name: metric.value for metric in found if not metric.dimensions} == values
        of_provider = {metric.name for metric in found if metric.dimensions == (("Provider", provider),)}
        assert of_provider == (set(values) & BY_PROVIDER if provider else set())


@given(st.lists(st.tuples(NAMES, PROVIDERS, st.booleans())))
def test_nothing_counted_is_lost(events: list[tuple[str, str | None, bool]]) -> None:
    """What is counted between requests arrives exactly once, with the next line or with a flush."""
    stream = io.StringIO()
    sink = Emf(stream, lambda: 0.0)
    for name, provider, written in events:
        sink.count(name, provider)
        if written:
            sink.write({"Requests": 1}, "openai", None, "abc")
    sink.flush()
    sink.flush()

    requests = sum(written for *_, written in events)
    found = emf.metrics(stream.getvalue())
    for name in UNITS:
        expected = sum(name == each for each, *_ in events) + (requests if name == "Requests" else 0)
        assert total(found, name) == expected


def test_other_providers_have_lines_of_their_own(
    stream: io.StringIO, written: Callable[[], list[emf.Metric]]
) -> None:
    """A count of one provider is never told of another, and a request that asked one alone is one line."""
    sink = Emf(stream, lambda: 0.0)
    sink.count("Attempts", "groq", 2)
    sink.count("BreakerOpen", "openai")
    sink.write({"Requests": 1, "Attempts": 1}, "openai", None, "abc")
    sink.write({"Requests": 1, "Attempts": 1}, "openai", None, "def")

    assert len(stream.getvalue().splitlines()) == 3
    assert total(written(), "Attempts", Provider="groq") == 2
    assert total(written(), "Attempts", Provider="openai") == 2
    assert total(written(), "Attempts") == 4
    assert total(written(), "BreakerOpen", Provider="openai") == 1
    assert total(written(), "Requests", Provider="groq") == 0


def test_the_namespace_is_the_operators(stream: io.StringIO) -> None:
    """Two stacks of one account can be told apart."""
    Emf(stream, lambda: 0.0, "VaultEdge/dev").write({"Requests": 1}, None, None, "abc")
    Emf(stream, lambda: 0.0).write({"Requests": 1}, None, None, "abc")

    spaces = [
        json.loads(line)["_aws"]["CloudWatchMetrics"][0]["Namespace"]
        for line in stream.getvalue().splitlines()
    ]
    assert spaces == ["VaultEdge/dev", NAMESPACE]
