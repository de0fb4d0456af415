"""Checked by mypy, never run: the modules are what the protocols ask for."""

from __future__ import annotations

from vaultcore.artifacts import Artifact, Format, embeddings, images
from vaultcore.artifacts.embeddings import cohere as cohere_vectors
from vaultcore.artifacts.embeddings import gemini as gemini_vectors
from vaultcore.artifacts.embeddings import openai as openai_vectors
from vaultcore.artifacts.embeddings import titan
from vaultcore.artifacts.images import bfl, canvas, fireworks, imagen, stability
from vaultcore.artifacts.images import gemini as gemini_pictures
from vaultcore.artifacts.images import openai as openai_pictures
from vaultcore.dialects import Dialect, Keeping, anthropic, cohere, mistral, openai
from vaultcore.dialects import responses as responses_dialect
from vaultcore.streams import Stage
from vaultcore.streams.sse import Decoder, Event
from vaultcore.surfaces import Failing, Repeating, Surface, chat, messages, responses
from vaultcore.surfaces.responses.encoder import Encoder
from vaultcore.wire import ChatChunk

DIALECTS: tuple[Dialect, ...] = (openai, anthropic, responses_dialect, cohere, mistral)
SURFACES: tuple[Surface, ...] = (chat, messages, responses)
KEEPING: Keeping = responses_dialect
REPEATING: Repeating = responses
FAILING: Failing = Encoder({})
BYTES: Stage[bytes, Event] = Decoder()
CHUNKS: tuple[Stage[Event, ChatChunk], ...] = (openai.decoder(), anthropic.decoder())
EVENTS: tuple[Stage[ChatChunk, Event], ...] = (chat.Plain(), chat.Counted(), messages.encoder({}))
ARTIFACTS: tuple[Artifact, ...] = (embeddings, images)
VECTORS: tuple[Format, ...] = (openai_vectors, gemini_vectors, cohere_vectors, titan)
PICTURES: tuple[Format, ...] = (
    openai_pictures,
    gemini_pictures,
    imagen,
    bfl,
    fireworks,
    stability,
    canvas,
)
