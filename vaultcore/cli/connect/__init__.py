"""`vaultedge connect`: the configuration of a client for this gateway.

clients.yaml  every client: its settings and files
client        the clients, with a URL, a model and a key filled in
text          files as text
blocks        what a person copies
merge         merges settings into an existing file
command       the command
"""

from vaultcore.cli.connect.command import register

__all__ = ["register"]
