// The SHA-256 of the vault's page as one file (vault.html); written by `make docs`, compared by a test.

export const ALONE = "b6681d0349b5f0a7eb67cdeb7c3b65ef002d17938ae7bafa95b0eed2249e8a5a";
