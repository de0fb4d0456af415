"""Checked by mypy, never run: the modules are what the protocols ask for."""

from __future__ import annotations

from vaultcore.dialects import Dialect, anthropic, openai
from vaultcore.streams import Stage
from vaultcore.streams.sse import Decoder, Event
from vaultcore.surfaces import Surface, chat, messages
from vaultcore.wire import ChatChunk

DIALECTS: tuple[Dialect, ...] = (openai, anthropic)
SURFACES: tuple[Surface, ...] = (chat, messages)
BYTES: Stage[bytes, Event] = Decoder()
CHUNKS: tuple[Stage[Event, ChatChunk], ...] = (openai.decoder(), anthropic.decoder())
EVENTS: tuple[Stage[ChatChunk, Event], ...] = (chat.Plain(), chat.Counted(), messages.encoder({}))
