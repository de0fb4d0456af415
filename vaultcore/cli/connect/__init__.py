"""`vaultedge connect`: the configuration of a client for this gateway.

clients.yaml  every client: its settings and files
client        the clients, with a URL, a model and a key filled in
text          files as text
"""
