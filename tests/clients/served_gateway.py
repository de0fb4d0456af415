"""A served gateway over simulated providers, for tests that run in an environment without either.

Run with the gateway's own interpreter. Says where it is in one line of JSON; answers every line of its input
with one line: the requests that the providers have got since the last one. Ends with its input.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.fakes.served import fill, served
from vaultcore.simulators.server import simulated

ROUTES = """\
  gpt-4.1-mini: {primary: anthropic/claude-sonnet-4-5}
"""


def main() -> None:
    providers = {"openai": "openai", "anthropic": "anthropic"}
    with tempfile.TemporaryDirectory() as held, simulated(providers) as simulators:
        home = Path(held)
        overlay = fill(home, simulators)
        overlay.write_text(overlay.read_text() + ROUTES)
        with served(home, "--providers", str(overlay)) as gateway:
            print(json.dumps({"url": f"{gateway.url}/v1", "key": gateway.key}), flush=True)
            for _ in sys.stdin:
                told = [
                    {"provider": name, "model": asked.model, "stream": asked.stream, "body": asked.body}
                    for name, each in simulators.items()
                    for asked in each.script.asked
                ]
                for each in simulators.values():
                    each.script.asked.clear()
                print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
