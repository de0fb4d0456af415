"""`/admin/models`: the reachable models and their prices."""

from __future__ import annotations

from tests.web.admin.admin_app import Client, admin_services, run_admin


def test_models_have_the_prices_of_v1_models() -> None:
    """A price is in US dollars per million tokens, exactly; null for a model without a price."""

    async def scenario(client: Client) -> None:
        models = {model["id"]: model for model in (await client.get("/models")).json()["data"]}
        assert models["gpt-4o-mini"]["pricing"]["input"] == "0.15"
        assert models["gpt-4o-mini"]["pricing"]["cache_read"] == "0.075"
        for model in models.values():
            assert (model["pricing"] is None) == (model["model"]["price"] is None)

    run_admin(admin_services([("openai", "sk-0123456789")]), scenario)
