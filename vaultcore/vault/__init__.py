"""Provider keys at rest: sealed vault strings, the local vault, and passwords.

docs/vault.md specifies both vault formats. This package does not use the network. No exception that it raises
contains a key, a password or decrypted text: neither in its message, nor in its causes, nor in the local
variables of the frames in its traceback.
"""
