// The SHA-256 of the vault's page as one file (vault.html); written by `make docs`, compared by a test.

export const ALONE = "6ec7d53f67e1985fcb4778de530718b21fdb6b266eea424eae5347823f5ea83f";
