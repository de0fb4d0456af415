"""The models in the form that Codex reads at `/models?client_version=…`.

https://github.com/openai/codex/blob/main/codex-rs/protocol/src/openai_models.rs. There is no
`base_instructions`: Codex uses its own. Versions that require the field ignore the list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vaultcore.catalog.lookup import ListedModel
from vaultcore.web.model_list import CHAT_TYPES
from vaultcore.wire import Json

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")  # that every version of Codex reads
DEFAULT_EFFORT = "medium"
MAX_TOOL_OUTPUT = 10_000  # bytes of a command's output that Codex sends to the model


def render_list(models: Sequence[ListedModel], query: Mapping[str, str]) -> Json:  # noqa: ARG001 - no pages
    chat_models = [model for model in models if model.type in CHAT_TYPES]
    return {"models": [{**render_model(each), "priority": i} for i, each in enumerate(chat_models)]}


def render_model(model: ListedModel) -> Json:
    capabilities = model.model.capabilities
    levels = [effort for effort in EFFORTS if effort in capabilities.effort_levels]
    row: Json = {
        "slug": model.id,
        "display_name": model.id,
        "description": None,
        "supported_reasoning_levels": [{"effort": level, "description": level} for level in levels],
        "shell_type": "shell_command",
        "visibility": "list",
        "supported_in_api": True,
        "priority": 0,
        "upgrade": None,
        "supports_reasoning_summaries": bool(levels),
        "supports_reasoning_summary_parameter": bool(levels),
        "support_verbosity": False,
        "default_verbosity": None,
        "apply_patch_tool_type": None,
        "truncation_policy": {"mode": "bytes", "limit": MAX_TOOL_OUTPUT},
        "supports_parallel_tool_calls": capabilities.parallel_tools is True,
        "context_window": model.model.context_window,
        "experimental_supported_tools": [],
        "input_modalities": ["text"] if capabilities.vision is False else ["text", "image"],
    }
    if levels:
        row["default_reasoning_level"] = DEFAULT_EFFORT if DEFAULT_EFFORT in levels else levels[-1]
    return row
