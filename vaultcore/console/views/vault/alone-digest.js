// The SHA-256 of the vault's page as one file (vault.html); written by `make docs`, compared by a test.

export const ALONE = "f21739fbd6039d683062833e3bbbdf9ce01889f35de557ad0740bc8900d00606";
