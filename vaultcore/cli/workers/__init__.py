"""The processes of `vaultedge serve --workers N`, which serve one port.

count.py       how many there are
supervisor.py  the parent: starts, restarts and stops them
worker.py      one of them: serves until the parent closes its channel
balance.py     spreads new connections evenly over them
shared.py      the memory in which they share the health of providers and the signal of changes
"""
