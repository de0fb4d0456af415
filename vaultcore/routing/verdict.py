"""What a failed attempt means for the next one."""

from __future__ import annotations

from enum import Enum

from vaultcore.errors import Fault


class Verdict(Enum):
    NEXT_KEY = "another key of the same target may do"
    NEXT_TARGET = "another target may do; this one again, after a pause"
    DROP_TARGET = "another target may do; this one never will"
    LARGER_TARGET = "a target whose model takes more may do"
    GIVE_UP = "the request itself is at fault"


VERDICTS = {
    Fault.REQUEST: Verdict.GIVE_UP,
    Fault.KEY: Verdict.NEXT_KEY,
    Fault.RATE: Verdict.NEXT_KEY,
    Fault.MODEL: Verdict.DROP_TARGET,
    Fault.SIZE: Verdict.LARGER_TARGET,
    Fault.HOST: Verdict.NEXT_TARGET,
}
