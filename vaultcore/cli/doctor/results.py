"""The result of one check of `vaultedge doctor`, as text and JSON."""

from __future__ import annotations

from enum import StrEnum

from vaultcore.cli.text_style import TextStyle
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

CHECK_WIDTH = 16  # columns of the check's name


class CheckStatus(StrEnum):
    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"  # an earlier check failed, or the check was not requested


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of output, and a second one with the fix if the check failed. Contains no secrets.

    In JSON the message is `told` and the fix is `cure`.
    """

    check: str
    state: CheckStatus
    message: str
    fix: str | None = None

    def json(self) -> Json:
        return {"check": self.check, "state": str(self.state), "told": self.message, "cure": self.fix}

    def text(self, style: TextStyle) -> str:
        state = f"{self.state:<7}"
        match self.state:
            case CheckStatus.OK:
                state = style.green(state)
            case CheckStatus.FAILED:
                state = style.yellow(state)
            case CheckStatus.SKIPPED:
                state = style.dim(state)
        line = f"{state} {self.check:<{CHECK_WIDTH}} {_printable(self.message)}"
        return (
            line if self.fix is None else f"{line}\n{'':<7} {'':<{CHECK_WIDTH}} fix: {_printable(self.fix)}"
        )


def ok(check: str, message: str) -> CheckResult:
    return CheckResult(check, CheckStatus.OK, message)


def failed(check: str, failure: object, fix: str | None = None) -> CheckResult:
    """Return a failed check. `failure` is a message or an exception; its `hint` is the default fix."""
    return CheckResult(check, CheckStatus.FAILED, str(failure), fix or getattr(failure, "hint", None))


def skipped(check: str, reason: str) -> CheckResult:
    return CheckResult(check, CheckStatus.SKIPPED, reason)


def _printable(text: str) -> str:
    """Return the text on one line, without control characters."""
    return "".join(each for each in " ".join(text.split()) if each.isprintable())
