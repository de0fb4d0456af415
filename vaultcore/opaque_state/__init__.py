"""Opaque state: signatures and encrypted reasoning that only their issuer can read.

A client returns them with its next request. The gateway names their issuer (provider, account and model
family) when it hands them out, and never sends them to another one.

    envelope.py   encrypts and authenticates: state with its issuer as one string
    carriers.py   the fields of chat messages that carry state
    labels.py     state as plain fields with a label that names the issuer: for chat completions
    seals.py      state in sealed thinking blocks: for Messages and Responses
    restore.py    state of the provider that is called, in its original form
"""
