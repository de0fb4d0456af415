"""VaultEdge: an OpenAI-compatible gateway whose provider keys live in one encrypted string."""

__version__ = "0.5.0"
