// The SHA-256 of the vault's page as one file (vault.html); written by `make docs`, compared by a test.

export const ALONE = "449d7a548634e0478611df9db32a8a0bafe7409b1aeaacb9f671a2b013dac7fe";
