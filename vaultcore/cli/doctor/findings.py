"""What a check of `vaultedge doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vaultcore.cli.color import Paint
from vaultcore.wire import Json

MARGIN = 16  # columns before what was found


class State(StrEnum):
    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"  # because of what failed before, or because it was not asked for


@dataclass(frozen=True, slots=True)
class Finding:
    """One line, and where something is wrong one more with its cure. Holds no secret."""

    check: str
    state: State
    told: str
    cure: str | None = None

    def json(self) -> Json:
        return {"check": self.check, "state": str(self.state), "told": self.told, "cure": self.cure}

    def text(self, paint: Paint) -> str:
        shown = f"{self.state:<7}"
        match self.state:
            case State.OK:
                shown = paint.good(shown)
            case State.FAILED:
                shown = paint.bad(shown)
            case State.SKIPPED:
                shown = paint.dim(shown)
        line = f"{shown} {self.check:<{MARGIN}} {_plain(self.told)}"
        return line if self.cure is None else f"{line}\n{'':<7} {'':<{MARGIN}} cure: {_plain(self.cure)}"


def ok(check: str, told: str) -> Finding:
    return Finding(check, State.OK, told)


def failed(check: str, told: object, cure: str | None = None) -> Finding:
    """`told` may be the failure itself, whose hint is the cure where no other is given."""
    return Finding(check, State.FAILED, str(told), cure or getattr(told, "hint", None))


def skipped(check: str, told: str) -> Finding:
    return Finding(check, State.SKIPPED, told)


def _plain(text: str) -> str:
    """On one line, and without what a terminal would obey."""
    return "".join(each for each in " ".join(text.split()) if each.isprintable())
