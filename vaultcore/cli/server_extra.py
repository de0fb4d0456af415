"""Checks that the packages of the extra `serve` are installed, for the commands that start a server."""

from __future__ import annotations


class ServerNotInstalled(Exception):
    """uvicorn is missing: the package was installed without its extra `serve`."""

    hint = "pip install 'vaultedge-serverless[serve]'"

    def __init__(self) -> None:
        super().__init__("the server is not installed")


def require_server() -> None:
    """Raise ServerNotInstalled if the HTTP server cannot be imported."""
    try:
        import uvicorn  # noqa: F401 - heavy: imported only by the commands that need it
    except ModuleNotFoundError as error:
        raise ServerNotInstalled from error
