"""Serves a gateway over simulated providers, for tests in another environment.

Run it with the gateway's interpreter. It prints its URL and key as one line of JSON. For each line of
input it prints one line: the requests that the providers received since the previous one. It ends with
its input.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.fakes.served import TWO_WORKERS, prepare_home, run_serve
from vaultcore.simulators.server import simulated

PROVIDERS = {  # name -> dialect
    **{name: name for name in ("openai", "anthropic", "gemini", "bedrock", "mistral", "cohere")},
    "groq": "openai",
}
REGION = {"AWS_REGION": "us-east-1"}  # of Bedrock
ROUTES = """\
  gpt-4.1-mini: {primary: anthropic/claude-sonnet-4-5}
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, simulated(PROVIDERS) as simulators:
        home = Path(folder)
        overlay = prepare_home(home, simulators)
        overlay.write_text(overlay.read_text() + ROUTES)
        with run_serve(home, "--providers", str(overlay), environ={**REGION, **TWO_WORKERS}) as gateway:
            print(json.dumps({"url": f"{gateway.url}/v1", "key": gateway.key}), flush=True)
            for _ in sys.stdin:
                requests = [
                    {"provider": name, "model": each.model, "stream": each.stream, "body": each.body}
                    for name, simulator in simulators.items()
                    for each in simulator.script.requests
                ]
                for simulator in simulators.values():
                    simulator.script.requests.clear()
                print(json.dumps(requests), flush=True)


if __name__ == "__main__":
    main()
