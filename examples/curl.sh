#!/bin/sh
# Use the gateway with curl. Set OPENAI_BASE_URL, OPENAI_API_KEY and MODEL.
set -eu

BODY='{"model": "'"${MODEL:-claude-haiku-4-5}"'", "messages": [{"role": "user", "content": "Why is the sky blue?"}]'

ask() {
  curl -sS "$@" -H "Authorization: Bearer $OPENAI_API_KEY" -H "Content-Type: application/json"
}

# A completion, with the gateway's response headers.
ask -i "$OPENAI_BASE_URL/chat/completions" -d "$BODY}"
echo

# A stream.
ask -N "$OPENAI_BASE_URL/chat/completions" -d "$BODY, \"stream\": true}"

# An error.
ask "$OPENAI_BASE_URL/chat/completions" -d '{"model": "no-such-model", "messages": [{"role": "user", "content": "Hello"}]}'
echo
