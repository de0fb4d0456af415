"""Checked by mypy, never run: the modules are what the protocols ask for."""

from __future__ import annotations

from vaultcore.client_apis import ClientApi, EchoesRequest, Failing, chat, messages, responses
from vaultcore.client_apis.responses.encoder import Encoder
from vaultcore.dialects import Dialect, StatefulPassthrough, anthropic, cohere, mistral, openai
from vaultcore.dialects import responses as responses_dialect
from vaultcore.media import Format, MediaApi, embeddings, images
from vaultcore.media.embeddings import cohere as cohere_vectors
from vaultcore.media.embeddings import gemini as gemini_vectors
from vaultcore.media.embeddings import openai as openai_vectors
from vaultcore.media.embeddings import titan
from vaultcore.media.images import bfl, canvas, fireworks, imagen, stability
from vaultcore.media.images import gemini as gemini_pictures
from vaultcore.media.images import openai as openai_pictures
from vaultcore.streams import Stage
from vaultcore.streams.sse import Decoder, Event
from vaultcore.wire import ChatChunk

DIALECTS: tuple[Dialect, ...] = (openai, anthropic, responses_dialect, cohere, mistral)
SURFACES: tuple[ClientApi, ...] = (chat, messages, responses)
KEEPING: StatefulPassthrough = responses_dialect
REPEATING: EchoesRequest = responses
FAILING: Failing = Encoder({})
BYTES: Stage[bytes, Event] = Decoder()
CHUNKS: tuple[Stage[Event, ChatChunk], ...] = (openai.decoder(), anthropic.decoder())
EVENTS: tuple[Stage[ChatChunk, Event], ...] = (chat.Plain(), chat.Counted(), messages.encoder({}))
ARTIFACTS: tuple[MediaApi, ...] = (embeddings, images)
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
