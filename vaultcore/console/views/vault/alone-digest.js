// The SHA-256 of the vault's page as one file (vault.html); written by `make docs`, compared by a test.

export const ALONE = "2093168f5917f05d369ba89fc3c5f4b8f76eb8803a225c5a0e66e3e358f80c8a";
