"""How many workers `vaultedge serve` starts, and how they share connections."""

from __future__ import annotations

from pathlib import Path

import pytest

from vaultcore.cli.workers.balance import PATIENCE, ConnectionTable, Share
from vaultcore.cli.workers.count import available_cores, worker_count
from vaultcore.errors import ConfigError
from vaultcore.settings import Settings

QUOTAS = (
    ("100000 100000", 1),
    ("150000 100000", 2),
    ("5000 100000", 1),
    ("max 100000", None),
    ("", None),
)


@pytest.mark.parametrize(("quota", "most"), QUOTAS)
def test_a_quota_limits_the_cores(tmp_path: Path, quota: str, most: int | None) -> None:
    """A container's CPU quota, rounded up, limits the number of cores; without one, all cores count."""
    (tmp_path / "cpu.max").write_text(quota)
    cores = available_cores(tmp_path / "none")

    assert available_cores(tmp_path / "cpu.max") == (cores if most is None else min(cores, most))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(store="sqlite:a", workers=3), 3),
        (Settings(store="sqlite:a", port=0, workers=2), 2),
        (Settings(store="sqlite:a", workers=1), 1),
        (Settings(store="sqlite:a"), available_cores()),
        (Settings(store="memory:"), 1),
        (Settings(store="memory:", workers=1), 1),
    ],
)
def test_the_number_of_workers(settings: Settings, expected: int) -> None:
    """The default is one process for each core; it is one process with a store that they cannot share."""
    assert worker_count(settings) == expected


def test_workers_cannot_share_memory() -> None:
    """Several workers with memory: are an error that names the option."""
    with pytest.raises(ConfigError, match="--workers"):
        worker_count(Settings(store="memory:", workers=2))


def test_a_connection_waits_for_the_worker_with_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker leaves each connection to workers with fewer, for PATIENCE; absent workers do not count."""
    now = [100.0]
    monkeypatch.setattr("vaultcore.cli.workers.balance.monotonic", lambda: now[0])
    table = ConnectionTable(3)
    busy, idle = Share(table, 0), Share(table, 1)
    busy.join()
    busy.add()
    alone = busy.may_accept()
    idle.join()
    answers = []
    for _ in range(2):  # two connections
        answers.append((busy.may_accept(), idle.may_accept()))
        now[0] += PATIENCE * 0.9
        answers.append((busy.may_accept(), idle.may_accept()))
        now[0] += PATIENCE * 0.9
        answers.append((busy.may_accept(), idle.may_accept()))
    idle.leave()

    assert alone
    assert answers == [(False, True), (False, True), (True, True)] * 2
    assert busy.may_accept()
