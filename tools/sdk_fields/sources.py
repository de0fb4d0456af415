"""The fields of the vendors' SDK types, as `Type.field` with the names of the wire."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Sequence

from anthropic.types import Message, RawMessageStreamEvent, beta, message_create_params
from anthropic.types.beta import message_create_params as beta_params
from botocore.loaders import Loader
from google.genai import types
from openai.types import chat, responses
from openai.types.chat import completion_create_params as chat_params
from openai.types.responses import response_create_params as response_params

Annotation = object  # a type, or a generic alias


def openai_chat() -> Iterator[str]:
    return _fields(
        [chat_params.CompletionCreateParamsNonStreaming, chat.ChatCompletion, chat.ChatCompletionChunk]
    )


def openai_responses() -> Iterator[str]:
    roots = [
        response_params.ResponseCreateParamsNonStreaming,
        responses.Response,
        responses.ResponseStreamEvent,
    ]
    return _fields(roots)


def anthropic_messages() -> Iterator[str]:
    requests = [message_create_params.MessageCreateParamsNonStreaming]
    beta_requests = [beta_params.MessageCreateParamsNonStreaming]
    answers = [Message, RawMessageStreamEvent, beta.BetaMessage, beta.BetaRawMessageStreamEvent]
    return _fields([*requests, *beta_requests, *answers])


def gemini() -> Iterator[str]:
    requests = [types.Content, types.GenerationConfig, types.Tool, types.ToolConfig, types.SafetySetting]
    return _fields([*requests, types.GenerateContentResponse])


def bedrock() -> Iterator[str]:
    """Yield the fields of Converse, from the service model that botocore ships."""

    shapes = Loader().load_service_model("bedrock-runtime", "service-2")["shapes"]
    pending = ["ConverseRequest", "ConverseResponse", "ConverseStreamOutput"]
    visited: set[str] = set()
    while pending:
        name = pending.pop()
        if name in visited:
            continue
        visited.add(name)
        shape = shapes[name]
        for field, member in shape.get("members", {}).items():
            yield f"{name}.{field}"
            pending.append(member["shape"])
        pending += [shape[each]["shape"] for each in ("member", "key", "value") if each in shape]


def _fields(roots: Sequence[Annotation]) -> Iterator[str]:
    """Yield the fields of the typed dicts and models that the roots refer to."""
    pending: list[Annotation] = list(roots)
    visited: set[int] = set()  # ids of types, since not every annotation can be hashed
    while pending:
        each = pending.pop()
        if arguments := typing.get_args(each):
            pending += [one for one in arguments if not isinstance(one, str | int | bool)]
            continue
        if id(each) in visited or not isinstance(each, type):
            continue
        visited.add(id(each))
        for name, annotation in _annotations(each):
            yield f"{each.__name__}.{name}"
            pending.append(annotation)


def _annotations(each: type) -> Iterator[tuple[str, Annotation]]:
    """Yield (name, type) of a typed dict or a Pydantic model; nothing for other types."""
    if typing.is_typeddict(each):
        yield from typing.get_type_hints(each, include_extras=True).items()
        return
    for name, field in getattr(each, "model_fields", {}).items():
        yield field.alias or name, field.annotation
