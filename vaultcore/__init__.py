"""VaultEdge: an OpenAI-compatible gateway whose provider keys live in one encrypted string."""

__version__ = "0.4.0"
