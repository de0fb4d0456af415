"""An MCP server on stdio with one tool, `shout`: https://modelcontextprotocol.io/specification."""

from __future__ import annotations

import json
import sys
from typing import Any

SHOUT = {
    "name": "shout",
    "description": "Return a word in capitals.",
    "inputSchema": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
    "annotations": {"readOnlyHint": True},
}


def result(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return the result of one request, {} for methods without one."""
    match method:
        case "initialize":
            version = params.get("protocolVersion", "2025-06-18")
            server = {"name": "echo", "version": "1"}
            return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": server}
        case "tools/list":
            return {"tools": [SHOUT]}
        case "tools/call":
            return {"content": [{"type": "text", "text": str(params["arguments"]["word"]).upper()}]}
        case _:
            return {}


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message and "method" in message:
            body = {
                "jsonrpc": "2.0",
                "id": message["id"],
                "result": result(message["method"], message.get("params") or {}),
            }
            print(json.dumps(body), flush=True)


if __name__ == "__main__":
    main()
