"""Texts that the gateway adds to conversations; the models read them.

They are part of what is sent to providers: changing one changes responses and provider caches.
"""

from __future__ import annotations

FILLER = "."  # text of a message that the provider requires and the client did not send
CONTINUE_PROMPT = "Continue your last message from exactly where it stops, without repeating any of it."
NO_RESULT = "No result was given."  # result of a tool call that the client left without one
MEDIA_POINTER = "Given by the tool call {}:"  # before media that moved from a tool result; {} is the call id
MEDIA_FOLLOWS = "The result follows."  # instead of a tool result that had nothing but media
JSON_ONLY = "Answer with one JSON object and nothing else: no prose around it, no code fence."
