"""Use the gateway with OpenAI's Python SDK. Set OPENAI_BASE_URL, OPENAI_API_KEY and MODEL."""

import os

from openai import NotFoundError, OpenAI

client = OpenAI()  # reads OPENAI_BASE_URL and OPENAI_API_KEY
model = os.environ.get("MODEL", "claude-haiku-4-5")

# A completion, with the gateway's response headers.
response = client.chat.completions.with_raw_response.create(
    model=model,
    messages=[{"role": "user", "content": "Why is the sky blue?"}],
)
print("completion:", response.parse().choices[0].message.content)
print("provider:", response.headers["x-vaultedge-provider"])
print("attempts:", response.headers["x-vaultedge-attempts"])
print("cost:", response.headers.get("x-vaultedge-cost-usd", "unknown"))

# A stream.
print("stream: ", end="")
for chunk in client.chat.completions.create(
    model=model,
    messages=[{"role": "user", "content": "Why is the sky blue?"}],
    stream=True,
):
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="")
print()

# An error has OpenAI's exception class and the gateway's code.
try:
    client.chat.completions.create(model="no-such-model", messages=[{"role": "user", "content": "Hello"}])
except NotFoundError as error:
    print("error:", error.status_code, error.code)
