"""The verifiable ledger: records chained and sealed, exported, and verified by anybody."""
