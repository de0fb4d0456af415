"""Checked by mypy, never run: the modules implement their protocols."""

from __future__ import annotations

from pathlib import Path

from vaultcore.admission.owed.file_journal import FileJournal
from vaultcore.admission.owed.journal import NoJournal, OwedJournal
from vaultcore.admission.owed.queue_journal import QueueJournal
from vaultcore.admission.owed.settlements import NoMetrics, OwedMetrics
from vaultcore.aws.sqs import SqsQueue
from vaultcore.client_apis import ClientApi, FailureEncoder, chat, messages, responses
from vaultcore.client_apis.responses.encoder import Encoder
from vaultcore.clock import SystemClock
from vaultcore.dialects import Dialect, StatefulPassthrough, anthropic, cohere, mistral, openai
from vaultcore.dialects import responses as responses_dialect
from vaultcore.media import MediaApi, MediaFormat, embeddings, image_edits, images, moderations
from vaultcore.media.embeddings import cohere as cohere_embeddings
from vaultcore.media.embeddings import gemini as gemini_embeddings
from vaultcore.media.embeddings import openai as openai_embeddings
from vaultcore.media.embeddings import titan
from vaultcore.media.image_edits import openai as openai_edits
from vaultcore.media.images import bfl, canvas, fireworks, imagen, stability
from vaultcore.media.images import gemini as gemini_images
from vaultcore.media.images import openai as openai_images
from vaultcore.media.moderations import openai as openai_moderations
from vaultcore.streams import Stage
from vaultcore.streams.sse import Decoder, Event
from vaultcore.telemetry import Log
from vaultcore.tracing import Observer
from vaultcore.wire import ChatChunk

DIALECTS: tuple[Dialect, ...] = (openai, anthropic, responses_dialect, cohere, mistral)
CLIENT_APIS: tuple[ClientApi, ...] = (chat, messages, responses)
STATEFUL: StatefulPassthrough = responses_dialect
FAILURES: FailureEncoder = Encoder({})
BYTES: Stage[bytes, Event] = Decoder()
CHUNKS: tuple[Stage[Event, ChatChunk], ...] = (openai.create_decoder(), anthropic.create_decoder())
EVENTS: tuple[Stage[ChatChunk, Event], ...] = (
    chat.ChatEncoder(),
    chat.ChatUsageEncoder(),
    messages.encoder({}),
)
MEDIA_APIS: tuple[MediaApi, ...] = (embeddings, images, image_edits, moderations)
EMBEDDING_FORMATS: tuple[MediaFormat, ...] = (openai_embeddings, gemini_embeddings, cohere_embeddings, titan)
MODERATION_FORMAT: MediaFormat = openai_moderations
EDIT_FORMAT: MediaFormat = openai_edits
IMAGE_FORMATS: tuple[MediaFormat, ...] = (
    openai_images,
    gemini_images,
    imagen,
    bfl,
    fireworks,
    stability,
    canvas,
)
JOURNALS: tuple[OwedJournal, ...] = (
    NoJournal(),
    FileJournal(Path(), "memory:", Log()),
    QueueJournal(SqsQueue("", SystemClock()), Log()),
)
OWED_METRICS: tuple[OwedMetrics, ...] = (NoMetrics(), Observer(SystemClock()))
