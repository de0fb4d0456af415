// The SHA-256 of the vault's page as one file (vault.html); written by `make docs`, compared by a test.

export const ALONE = "0000000000000000000000000000000000000000000000000000000000000000";
