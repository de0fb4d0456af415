"""The verifiable ledger: request records that are chained, sealed, exported, and verified by anyone."""
