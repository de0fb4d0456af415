"""Prints the programs of `vaultedge connect` for libraries as JSON: {id: [language, code]}.

Run it with the gateway's interpreter. The arguments are the gateway's URL without /v1, and a model.
"""

from __future__ import annotations

import json
import sys

from vaultcore.cli.connect.client import KEY_VARIABLE, ConnectSettings, load_clients


def main(url: str, model: str) -> None:
    settings = ConnectSettings(url, model, f"${KEY_VARIABLE}")
    libraries = {client.id: client for client in load_clients().values() if client.code}
    print(json.dumps({name: [each.language, settings.fill(each.code)] for name, each in libraries.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
