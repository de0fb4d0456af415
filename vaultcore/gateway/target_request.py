"""The request of a call for one target: the client's own body, or its translation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vaultcore.call import Call
from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change, StrictSchemas, Translation, load_dialect
from vaultcore.dialects.strict_schemas import adapt_strict
from vaultcore.errors import InvalidRequest
from vaultcore.gateway.issued_state import restore_state
from vaultcore.gateway.omissions import replace_parts
from vaultcore.opaque_state.envelope import StateSeal
from vaultcore.plain_request import is_plain
from vaultcore.upstream.provider_request import ProviderRequest, passthrough, render
from vaultcore.usage.token_estimate import estimate_request
from vaultcore.wire import ChatRequest


def render_for(call: Call, target: Target, seal: StateSeal) -> ProviderRequest:
    """Return the request in the target's dialect; the client's own body if that is the same dialect.

    Raises InvalidRequest if the target cannot carry the request or, in strict mode, if anything is lost.
    """
    outcome = call.outcome
    outcome.expected_prompt = None
    if call.native is not None and call.native.fits(target):
        request = passthrough(target, call.request, call.native, seal)
        reject_losses(request.rendered.changes, target, strict=call.strict)
        outcome.changes, outcome.is_passthrough = request.rendered.changes, True
        outcome.response_fields = {}
        outcome.compaction = None
        return correlated(request, call)
    translation = _translation(call, target)
    if translation.changes:
        reject_losses(translation.changes, target, strict=call.strict)
    compaction = translation.compaction
    first = translation.request if compaction is None else compaction.request
    restored, omissions = first, list[Change]()
    if not is_plain(first):
        restored, omissions = restore_state(first, seal)
        restored = _adapt_schemas(restored, call, target, omissions)
    if restored is not translation.request:
        translation = replace(translation, request=restored)
    request = _render_translation(translation, target, has_notes=outcome.has_notes)
    changes = (*_in_client_paths(omissions, translation), *request.rendered.changes)
    if changes:
        reject_losses(changes, target, strict=call.strict)
    outcome.changes, outcome.is_passthrough = (*translation.changes, *changes), False
    outcome.response_fields, outcome.compaction = translation.response_fields, compaction
    return correlated(request, call)


def render_resumed(call: Call, target: Target, seal: StateSeal, request: ChatRequest) -> ProviderRequest:
    """Return the request that follows a compaction. Its changes were reported with the first one."""
    restored, _ = restore_state(request, seal)
    restored = _adapt_schemas(restored, call, target, [])
    call.outcome.expected_prompt = estimate_request(request)
    return correlated(render(target, restored), call)


def reject_losses(changes: Sequence[Change], target: Target, *, strict: bool) -> None:
    """Raise InvalidRequest for a refused change or, in strict mode, for a lossy one."""
    for change in changes:
        if change.kind == "refused" or (strict and change.lossy):
            text = f"{change.path}: {change.reason} ({target.name})"
            raise InvalidRequest(text, param=change.path, code="unsupported_parameter")


def correlated(request: ProviderRequest, call: Call) -> ProviderRequest:
    """Encode the body of a request, and add headers that link it with the gateway's log. Return it."""
    request.content = request.encoded_body()
    request.headers = {**request.headers, **call.correlation_headers}
    return request


def _adapt_schemas(request: ChatRequest, call: Call, target: Target, changes: list[Change]) -> ChatRequest:
    """Return the request with schemas that a provider with rules for `strict` accepts."""
    if call.native is None or not call.native.promises_schemas:
        return request
    formats = target.provider.formats
    enforces = formats is None or "json_schema" in formats
    if enforces and isinstance(load_dialect(target.dialect), StrictSchemas):
        return adapt_strict(request, changes)
    return request


def _translation(call: Call, target: Target) -> Translation:
    return Translation(call.request) if call.native is None else call.native.translated(call.request, target)


def _render_translation(translation: Translation, target: Target, *, has_notes: bool) -> ProviderRequest:
    """Return the request in the target's dialect. Changes and errors have the paths of the client's body.

    With `has_notes`, text notes replace content parts that the target cannot receive.
    """
    source, notes, request = translation.request, list[Change](), None
    while request is None:
        try:
            request = render(target, source)
        except InvalidRequest as error:
            replaced = replace_parts(source, error) if has_notes else None
            if replaced is None:
                raise _with_client_path(error, translation) from None
            source = replaced[0]
            notes += replaced[1]
    if not notes and not request.rendered.changes:
        return request
    changes = _in_client_paths((*notes, *request.rendered.changes), translation)
    return replace(request, rendered=replace(request.rendered, changes=changes))


def _with_client_path(error: InvalidRequest, translation: Translation) -> InvalidRequest:
    """Return the error with the client's path; in its text, too, if the client API has no other place."""
    path = error.param and translation.restore_path(error.param)
    if not path or path == error.param or path in str(error):
        error.param = path
        return error
    return InvalidRequest(f"{path}: {error}", param=path, code=error.code)


def _in_client_paths(changes: Sequence[Change], translation: Translation) -> tuple[Change, ...]:
    if not changes:
        return ()
    return tuple(replace(change, path=translation.restore_path(change.path)) for change in changes)
