"""The result for one capability in one dialect."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from vaultcore.lazy_dataclass import dataclass


class Support(Enum):
    """The values of the table, best first."""

    YES = "yes"
    EMULATED = "emulated"  # by other means, with a report
    REPORTED = "reported"  # dropped or limited, with a report; strict mode rejects the request
    REFUSED = "refused"  # a 400 error that names the parameter
    FAILED = "failed"  # a defect: dropped without a report, rejected by the provider, or a wrong response

    def __str__(self) -> str:
        return self.value


RANK = {support: rank for rank, support in enumerate(Support)}


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """A result, with its reason unless it is YES."""

    support: Support
    reason: str = ""
    model: str = ""  # that was tested


def best_cell(cells: Iterable[MatrixCell]) -> MatrixCell:
    """Return the best cell of several models, or a failed one if any failed."""
    ranked = sorted(cells, key=lambda cell: RANK[cell.support])
    failed = [cell for cell in ranked if cell.support is Support.FAILED]
    return failed[0] if failed else ranked[0]
