"""Provider keys at rest: sealed strings, the vault on this machine, passwords. Cryptography lives here only.

Both formats are written down in docs/vault.md. Nothing in this package talks to a network, and no exception
that leaves it carries a key, a password or a piece of decrypted text: not in its message, not in its chain,
not in the local variables of the frames it passed through.
"""
