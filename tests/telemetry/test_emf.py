from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import emf
from tests.fakes.emf import total
from vaultcore.telemetry.emf import BY_PROVIDER, BY_REASON, NAMESPACE, UNITS, Emf

NAMES = st.sampled_from(sorted(UNITS))
VALUES = st.dictionaries(NAMES, st.floats(0, 1e12) | st.integers(0, 10**15), min_size=1)
PROVIDERS = st.sampled_from([None, "openai", "gröq", "a b"])


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def read_metrics(stream: io.StringIO) -> Callable[[], list[emf.Metric]]:
    return lambda: emf.metrics(stream.getvalue())


@given(st.lists(st.tuples(VALUES, PROVIDERS, st.sampled_from([None, "throttled"]))))
def test_every_line_is_valid_emf(
    requests: list[tuple[dict[str, float], str | None, str | None]],
) -> None:
    """Each request is one valid line of EMF, and every value arrives unchanged."""
    stream = io.StringIO()
    sink = Emf(stream, lambda: 1_700_000_000.5)
    for values, provider, error in requests:
        sink.write(values, provider, error, "abc")

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == len(requests)
    for line, (values, provider, _) in zip(lines, requests, strict=True):
        metrics = list(emf.read(line))
        assert line["_aws"]["Timestamp"] == 1_700_000_000_500
        assert {metric.name: metric.value for metric in metrics if not metric.dimensions} == values
        of_provider = {metric.name for metric in metrics if metric.dimensions == (("Provider", provider),)}
        assert of_provider == (set(values) & BY_PROVIDER if provider else set())


@given(st.lists(st.tuples(NAMES, PROVIDERS, st.booleans())))
def test_every_count_is_written_once(events: list[tuple[str, str | None, bool]]) -> None:
    """A count between requests is written exactly once, with the next line or by `flush`."""
    stream = io.StringIO()
    sink = Emf(stream, lambda: 0.0)
    for name, provider, has_request in events:
        sink.count(name, provider)
        if has_request:
            sink.write({"Requests": 1}, "openai", None, "abc")
    sink.flush()
    sink.flush()

    requests = sum(has_request for *_, has_request in events)
    metrics = emf.metrics(stream.getvalue())
    for name in UNITS:
        expected = sum(name == each for each, *_ in events) + (requests if name == "Requests" else 0)
        assert total(metrics, name) == expected


def test_other_providers_have_separate_lines(
    stream: io.StringIO, read_metrics: Callable[[], list[emf.Metric]]
) -> None:
    """Counts of one provider never appear under another; a request with one provider is one line."""
    sink = Emf(stream, lambda: 0.0)
    sink.count("Attempts", "groq", 2)
    sink.count("BreakerOpen", "openai")
    sink.write({"Requests": 1, "Attempts": 1}, "openai", None, "abc")
    sink.write({"Requests": 1, "Attempts": 1}, "openai", None, "def")

    assert len(stream.getvalue().splitlines()) == 3
    assert total(read_metrics(), "Attempts", Provider="groq") == 2
    assert total(read_metrics(), "Attempts", Provider="openai") == 2
    assert total(read_metrics(), "Attempts") == 4
    assert total(read_metrics(), "BreakerOpen", Provider="openai") == 1
    assert total(read_metrics(), "Requests", Provider="groq") == 0


def test_the_namespace_is_configurable(stream: io.StringIO) -> None:
    """Two stacks of one account can use different namespaces."""
    Emf(stream, lambda: 0.0, "VaultEdge/dev").write({"Requests": 1}, None, None, "abc")
    Emf(stream, lambda: 0.0).write({"Requests": 1}, None, None, "abc")

    spaces = [
        json.loads(line)["_aws"]["CloudWatchMetrics"][0]["Namespace"]
        for line in stream.getvalue().splitlines()
    ]
    assert spaces == ["VaultEdge/dev", NAMESPACE]


@given(st.lists(st.tuples(st.sampled_from(sorted(BY_REASON)), st.sampled_from(["throttled", "timeout"]))))
def test_counts_by_reason_are_written_once(events: list[tuple[str, str]]) -> None:
    """A count with a reason is in the metric without dimensions and in the one of its reason, once each."""
    stream = io.StringIO()
    sink = Emf(stream, lambda: 0.0)
    for name, reason in events:
        sink.count_reason(name, reason)
        sink.count("BreakerOpen", "openai")
    sink.flush()
    sink.flush()

    metrics = emf.metrics(stream.getvalue())
    for name in BY_REASON:
        assert total(metrics, name) == sum(name == each for each, _ in events)
        for reason in ("throttled", "timeout"):
            assert total(metrics, name, Reason=reason) == events.count((name, reason))
    assert total(metrics, "BreakerOpen", Provider="openai") == len(events)


def test_a_present_value_is_written_as_it_is(
    stream: io.StringIO, read_metrics: Callable[[], list[emf.Metric]]
) -> None:
    """A value that is no sum of events is one line each time: it is not added up."""
    sink = Emf(stream, lambda: 0.0)
    for value in (3, 2):
        sink.report("SettlementsPending", value)

    assert [(each.name, each.value, each.dimensions) for each in read_metrics()] == [
        ("SettlementsPending", 3, ()),
        ("SettlementsPending", 2, ()),
    ]
