"""Load tests of `vaultedge serve`: `make test-load` runs them, `make test` does not."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("VAULTEDGE_TEST_LOAD") else ["test_*.py"]
