"""A request in a provider's format, rendered by its dialect or passed through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from functools import cache

from vaultcore.casts import cast
from vaultcore.catalog.schema import Target
from vaultcore.dialects import (
    Change,
    NativeCacheMarks,
    NativeFields,
    NativeModels,
    NativeRequest,
    NativeRewriter,
    RenderedRequest,
    StatefulPassthrough,
    client_path,
    load_dialect,
)
from vaultcore.dialects.legacy_functions import adapt_request, restore_paths
from vaultcore.dialects.reasoning_report import report_once
from vaultcore.dialects.result_order import order_results
from vaultcore.dialects.tool_names import rename_tools
from vaultcore.errors import InvalidRequest, name_parameter
from vaultcore.json_codec import dumps_finite
from vaultcore.lazy_dataclass import dataclass
from vaultcore.opaque_state.envelope import StateSeal
from vaultcore.plain_request import is_plain
from vaultcore.wire import ChatCompletion, ChatRequest, Json


@dataclass(slots=True)
class ProviderRequest:
    """A path below the provider's base URL, a body, and what the translation changed. One per attempt."""

    path: str
    rendered: RenderedRequest
    dialect: str  # of the body, and so of the response
    headers: Mapping[str, str] = field(default_factory=dict)
    is_native: bool = False  # the client's own body: the response is passed through too
    rewriter: NativeRewriter | None = None  # of the native response
    method: str = "POST"  # a GET has no body
    content: bytes | None = None  # the encoded body, once it is known
    client_names: Mapping[str, str] = field(default_factory=dict)  # of renamed tools, by the provider's name
    content_type: str = "application/json"

    def encoded_body(self) -> bytes:
        """Return the body as JSON. Raises InvalidRequest if JSON cannot express it."""
        return _encode(self.rendered.body) if self.content is None else self.content


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """A whole response: as a chat completion, and as the provider wrote it."""

    completion: ChatCompletion
    body: Json


def passthrough(
    target: Target, request: ChatRequest, native: NativeRequest, seal: StateSeal
) -> ProviderRequest:
    """Return the client's own body for a provider of the same dialect, with the provider's model name."""
    dialect = load_dialect(native.dialect)
    stateful, cache_marks, fields, models = _native_functions(native.dialect)
    path, body = native.path or dialect.render_path(request, target), native.body
    rewriter = None
    if stateful is not None:
        rewriter = stateful.create_rewriter(target, seal, path)
        body = rewriter.rewrite_request(body)
    if target.adds_cache_marks and cache_marks is not None:
        body = cache_marks.mark_native(body)
    model, changes = target.model.name, tuple[Change, ...]()
    if models is not None and request["model"].rpartition("/")[2] != model:
        body, changes = models.adapt_native(body, target)
    addressed = {**body, "model": model} if fields is None else fields.with_model(body, model)
    rendered = RenderedRequest(addressed, changes)
    return ProviderRequest(path, rendered, native.dialect, native.headers, is_native=True, rewriter=rewriter)


@cache
def _native_functions(
    name: str,
) -> tuple[StatefulPassthrough | None, NativeCacheMarks | None, NativeFields | None, NativeModels | None]:
    """Return the extra functions of a dialect for native bodies. The checks take 60 calls, so once."""
    dialect = load_dialect(name)
    return (
        dialect if isinstance(dialect, StatefulPassthrough) else None,
        dialect if isinstance(dialect, NativeCacheMarks) else None,
        dialect if isinstance(dialect, NativeFields) else None,
        dialect if isinstance(dialect, NativeModels) else None,
    )


def render(target: Target, request: ChatRequest) -> ProviderRequest:
    """Return the request in the target's dialect. Raises InvalidRequest.

    Changes and errors name the parts of the client's own body.
    """
    adapted, early = request, list[Change]()
    client_names: Mapping[str, str] = {}
    if not is_plain(request):
        target = _target_for(request, target)
        adapted, client_names = _adapt(request, target, early)
    name = target.dialect
    dialect = load_dialect(name)
    try:
        rendered = dialect.render_request(adapted, target)
    except InvalidRequest as error:
        invalid = error
    else:
        if early or rendered.changes:
            changes = report_once((*early, *rendered.changes))
            rendered = restore_paths(replace(rendered, changes=changes), request)
            changes = tuple(replace(each, path=client_path(request, each.path)) for each in rendered.changes)
            rendered = replace(rendered, changes=changes)
        path = dialect.render_path(adapted, target)
        return ProviderRequest(path, rendered, name, client_names=client_names)
    raise _in_client_names(invalid, request)


def _adapt(
    request: ChatRequest, target: Target, changes: list[Change]
) -> tuple[ChatRequest, Mapping[str, str]]:
    """Return the request with what every dialect needs: tools, ids, order and names of calls.

    The second value has the client's names of renamed tools.
    """
    adapted = adapt_request(request, target)
    messages = order_results(adapted["messages"], changes)
    if messages is not adapted["messages"]:
        adapted = cast(ChatRequest, {**adapted, "messages": messages})
    renamed = rename_tools(adapted, load_dialect(target.dialect).tool_names)
    changes += renamed.changes
    return renamed.request, renamed.client_names


def _target_for(request: ChatRequest, target: Target) -> Target:
    """Return the target, with another dialect if the model can answer this request only there.

    OpenAI's later models reject tools in chat completions unless `reasoning_effort` is "none", and search the
    web only at `/responses`.
    """
    fields, name = cast(Json, request), target.model.name
    searches = fields.get("web_search_options") is not None and not target.takes_web_search
    if searches and name.startswith(target.provider.search_at_responses):
        return target.for_dialect("responses")
    uses_tools = bool(fields.get("tools") or fields.get("functions"))
    if not uses_tools or not name.startswith(target.provider.tools_at_responses) or _is_unreasoned(fields):
        return target
    return target.for_dialect("responses")


def _is_unreasoned(request: Json) -> bool:
    """Return True if the request switches reasoning off."""
    reasoning = request.get("reasoning")
    nested = reasoning.get("effort") if isinstance(reasoning, dict) else None
    return "none" in (request.get("reasoning_effort"), nested)


def _in_client_names(error: InvalidRequest, request: ChatRequest) -> InvalidRequest:
    """Return an error with the client's name of the parameter, also in its message."""
    if not error.param:
        return error
    name = client_path(request, error.param)
    return InvalidRequest(name_parameter(str(error), error.param, name), param=name, code=error.code)


def _encode(body: Json) -> bytes:
    try:
        return dumps_finite(body)
    except UnicodeEncodeError:
        reason = "contains a lone surrogate, which UTF-8 cannot encode"
    except (ValueError, RecursionError):
        reason = "contains a value that JSON cannot express"
    raise InvalidRequest(f"the request {reason}")
