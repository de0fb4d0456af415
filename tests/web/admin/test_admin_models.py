"""The models that an administrator is told of, and what they cost."""

from __future__ import annotations

from tests.web.admin.admin_app import Client, office, visit


def test_models_are_priced_as_callers_see_them() -> None:
    """A model's price is told in US dollars per million tokens, exactly; null where nobody knows one."""

    async def story(client: Client) -> None:
        told = {model["id"]: model for model in (await client.get("/models")).json()["data"]}
        assert told["gpt-4o-mini"]["pricing"]["input"] == "0.15"
        assert told["gpt-4o-mini"]["pricing"]["cache_read"] == "0.075"
        for model in told.values():
            assert (model["pricing"] is None) == (model["model"]["price"] is None)

    visit(office([("openai", "sk-0123456789")]), story)
