"""The playground: sending requests with all settings, its report, and inert output."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.console.conftest import Gateway, sign_in
from vaultcore.simulators.faults import InjectedFault

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

OpenPage = Callable[..., "Page"]
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>[x](javascript:alert(4))"


@pytest.fixture(autouse=True)
def reset_faults(gateway: Gateway) -> Iterator[None]:
    """Clear injected faults after each test."""
    yield
    gateway.simulators["openai"].script.clear()


def send(page: Page, prompt: str, *, model: str = "gpt-4o-mini") -> None:
    page.get_by_label("Model", exact=True).fill(model)
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_role("button", name="Send").click()


def done(page: Page) -> None:
    page.get_by_role("status").get_by_text("done", exact=True).wait_for()
    page.get_by_role("button", name="Send").wait_for()


def test_a_request_streams_and_is_exported(open_page: OpenPage, gateway: Gateway, tmp_path: Path) -> None:
    """A response streams in with times, tokens, exact cost and provider, and exports."""
    page = open_page("playground", key=gateway.admin)
    page.get_by_label("System prompt").fill("Be brief.")
    page.get_by_label("Temperature").fill("0.3")
    page.get_by_label("Max tokens").fill("200")
    send(page, "How far is the moon?")
    done(page)

    page.get_by_text("You asked: “How far is the moon?”").wait_for()
    page.get_by_role("cell", name="openai").wait_for()  # the attempt, from the log
    figures = page.locator(".playground-out .stats").inner_text()
    assert "≈" not in figures
    assert "$0.0000" in figures
    body = gateway.simulators["openai"].script.requests[-1].body
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (body["temperature"], body["max_completion_tokens"]) == (0.3, 200)

    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    path = tmp_path / "run.json"
    download.value.save_as(path)
    saved = json.loads(path.read_text())
    assert saved["request"]["body"]["temperature"] == 0.3
    assert saved["answer"]["text"].startswith("You asked")
    assert saved["log"]["attempts"][0]["provider"] == "openai"
    assert gateway.admin not in path.read_text()


def test_attempts_and_translation_are_reported(open_page: OpenPage, gateway: Gateway) -> None:
    """Failed attempts and translation changes are listed, streamed or not."""
    gateway.simulators["openai"].script.queue("gpt-4o-mini", *[InjectedFault(status=500)] * 8)
    page = open_page("playground", key=gateway.admin)
    page.get_by_label("Temperature").fill("1.7")
    send(page, "Hello", model="fast-llm")
    done(page)

    page.get_by_role("table", name="Attempts").get_by_role("cell", name="anthropic").wait_for()
    assert page.get_by_role("table", name="Attempts").get_by_text("500").count() >= 1
    gateway.simulators["openai"].script.clear()
    streamed = page.get_by_role("table", name="Translation").inner_text()
    assert "temperature" in streamed

    page.get_by_label("Stream", exact=True).uncheck()
    send(page, "Hello again", model="anthropic/claude-simulated")
    page.get_by_text("You asked: “Hello again”").wait_for()
    done(page)
    assert "temperature" in page.get_by_role("table", name="Translation").inner_text()
    page.get_by_text("not streamed").wait_for()


def test_tools_and_schemas(open_page: OpenPage, gateway: Gateway) -> None:
    """A tool call shows its arguments, a schema returns JSON, and invalid JSON is reported before sending."""
    page = open_page("playground", key=gateway.key)
    page.locator("datalist option").first.wait_for(state="attached")  # the layout shifts then
    page.get_by_text("Tools and response format").click()
    page.get_by_label("Tools", exact=True).fill("[{")
    before = len(gateway.simulators["openai"].script.requests)
    send(page, "Use get_weather, please")
    page.get_by_text("Invalid JSON").wait_for()
    assert len(gateway.simulators["openai"].script.requests) == before
    page.locator("[aria-invalid=true]:focus").wait_for()

    page.get_by_role("button", name="Insert example tool").click()
    page.get_by_role("button", name="Send").click()
    done(page)
    page.get_by_role("heading", name="Tool call get_weather").wait_for()
    assert '"place"' in page.get_by_role("region", name="arguments of get_weather").inner_text()
    assert '"get_weather"' in page.get_by_role("region", name="Python code").inner_text()

    page.get_by_role("button", name="Clear tools").click()
    page.get_by_label("Response format").select_option("json_schema")
    page.get_by_role("button", name="Insert example schema").click()
    send(page, "Somebody")
    page.get_by_role("region", name="response", exact=True).wait_for()
    assert set(json.loads(page.get_by_role("region", name="response", exact=True).inner_text())) == {
        "name",
        "age",
    }
    assert (
        page.get_by_role("heading", name="Tool call get_weather").count() == 0
    )  # from the previous response


def test_a_virtual_key_sees_the_exact_cost(open_page: OpenPage, gateway: Gateway) -> None:
    """A stream shows the settled cost, without calls to the admin API."""
    created = gateway.call_admin("POST", "/admin/keys", {"name": "counted"})
    urls: list[str] = []
    page = open_page("playground", key=created["key"])
    page.on("request", lambda request: urls.append(request.url))
    send(page, "How far is the moon? " * 40)
    done(page)

    (entry,) = gateway.call_admin("GET", f"/admin/logs?key={created['id']}")["data"]
    cost = page.locator(".playground-out .stat").filter(has_text="Cost").inner_text()
    assert entry["cost_usd"] > 0
    assert f"${entry['cost_usd']:.9f}".rstrip("0") in cost
    assert "≈" not in cost
    page.get_by_text("1 attempt").wait_for()
    assert not [url for url in urls if "/admin/" in url]


def test_sample_code_sends_the_same_request(open_page: OpenPage, gateway: Gateway) -> None:
    """The Python and curl code send the same request as the form."""
    page = open_page("playground", key=gateway.key)
    page.get_by_label("Prompt", exact=True).fill('It\'s true\n"quoted"')
    page.get_by_label("Model", exact=True).fill("gpt-4o-mini")
    page.get_by_label("Top P").fill("0.5")

    python = page.get_by_role("region", name="Python code").inner_text()
    calls: list[dict[str, object]] = []
    source = python[python.index("response = ") : python.index("for chunk")].replace(
        "client.chat.completions.create", "take"
    )
    exec(source, {"take": lambda **arguments: calls.append(arguments)})
    page.get_by_role("tab", name="curl").click()
    curl = page.get_by_role("region", name="curl code").inner_text()
    body = json.loads(curl.split("-d '", 1)[1].rstrip().removesuffix("'").replace("'\\''", "'"))
    assert calls == [body]
    assert body["messages"][0]["content"] == 'It\'s true\n"quoted"'
    assert f"{gateway.url}/v1/chat/completions" in curl
    assert gateway.key not in page.content()


def test_images_are_generated(open_page: OpenPage, gateway: Gateway) -> None:
    """An image model gets image fields, and its images can be downloaded."""
    page = open_page("playground", key=gateway.admin)
    page.get_by_label("Model", exact=True).fill("gpt-image-1")
    page.get_by_label("Prompt", exact=True).fill("A lighthouse")
    page.get_by_label("Number of images").fill("2")
    page.get_by_role("button", name="Send").click()
    done(page)
    assert page.get_by_role("link", name="Download image").count() == 2
    assert page.get_by_label("Temperature").count() == 0


def test_an_answer_is_stopped(open_page: OpenPage, gateway: Gateway) -> None:
    """Stop ends the wait at once, and Ctrl+Enter sends again."""
    gateway.simulators["openai"].script.queue("gpt-4o-mini", InjectedFault(delay=45))
    page = open_page("playground", key=gateway.key)
    send(page, "Take your time")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("status").get_by_text("stopped", exact=True).wait_for()  # long before the delay ends
    page.goto(f"{gateway.console}#/playground?model=gpt-4.1-mini")  # as the "Try it" button does
    expect(page.get_by_label("Model", exact=True)).to_have_value("gpt-4.1-mini")
    page.get_by_label("Prompt", exact=True).press("Control+Enter")
    done(page)


def test_errors_are_reported(open_page: OpenPage, gateway: Gateway) -> None:
    """Rejections and outages are shown with their code; the form keeps its values."""
    page = open_page("playground", key=gateway.key)
    send(page, "Hello", model="no-such-model-anywhere")
    page.get_by_role("alert").get_by_text("no provider of this gateway serves").wait_for()
    page.get_by_label("Key", exact=True).select_option("other")
    page.get_by_label("Virtual key").fill("vg_" + "0" * 40)
    send(page, "Hello")
    page.get_by_role("alert").get_by_text("401").wait_for()
    assert page.get_by_label("Prompt", exact=True).input_value() == "Hello"
    page.context.set_offline(True)
    page.get_by_role("button", name="Send").click()
    page.get_by_role("alert").get_by_text("is unreachable").wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs each


def test_the_form_survives_other_pages(open_page: OpenPage, gateway: Gateway) -> None:
    """The form survives other pages and an expired key; signing out clears it."""
    created = gateway.call_admin("POST", "/admin/keys", {"name": "ends while one writes"})
    page = open_page("playground", key=created["key"])
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("A long question")
    page.get_by_label("Temperature").fill("0.3")
    page.get_by_role("link", name="Usage").click()
    page.get_by_role("heading", name="Usage", level=1).wait_for()
    page.go_back()
    expect(prompt).to_have_value("A long question")
    page.goto(f"{gateway.console}#/models?q=gpt-4.1-mini")
    page.get_by_role("button", name="Try gpt-4.1-mini", exact=True).click()
    expect(page.get_by_label("Model", exact=True)).to_have_value("gpt-4.1-mini")
    expect(prompt).to_have_value("A long question")

    gateway.call_admin("DELETE", f"/admin/keys/{created['id']}")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Your key has expired or was revoked").wait_for()
    sign_in(page, gateway.key)
    expect(prompt).to_have_value("A long question")
    expect(page.get_by_label("Temperature")).to_have_value("0.3")
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, gateway.key)
    expect(prompt).to_have_value("")
    page.faults.clear()  # type: ignore[attr-defined]  # the rejection


@pytest.mark.parametrize(
    ("allowed", "chosen"),
    [
        (None, "gpt-4o-mini"),
        (["gpt-4.1", "gpt-4.1-nano", "gpt-5"], "gpt-4.1-nano"),
        (["dall-e-3"], "dall-e-3"),
    ],
)
def test_the_default_model_is_cheap(
    allowed: list[str] | None, chosen: str, open_page: OpenPage, gateway: Gateway
) -> None:
    """The default is a well-known model, or the cheapest that the key can use."""
    created = gateway.call_admin(
        "POST", "/admin/keys", {"name": f"begins with {chosen}", "allowed_models": allowed}
    )
    page = open_page("playground", key=created["key"])
    expect(page.get_by_label("Model", exact=True)).to_have_value(chosen)


def test_a_burst_has_no_speed(open_page: OpenPage) -> None:
    """Tokens per second are shown only for streams of sufficient length."""
    page = open_page(modules=True)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    runs = [(100, 101, 40), (100, 2_100, 3), (100, 2_100, 40)]
    speeds = page.evaluate(
        """async (runs) => {
          const { tokensPerSecond } = await import(`${location.pathname}views/playground/answer.js`);
          return runs.map(([first, last, chunks]) => tokensPerSecond({ first, last, chunks }, 80));
        }""",
        [list(each) for each in runs],
    )
    assert speeds == [None, None, 40]


def test_a_rejection_has_no_figures(open_page: OpenPage, gateway: Gateway) -> None:
    """A request rejected by the gateway shows the reason and no figures."""
    created = gateway.call_admin(
        "POST", "/admin/keys", {"name": "nothing left", "credits_usd": "0.000000001"}
    )
    page = open_page("playground", key=created["key"])
    send(page, "Hello")
    page.get_by_role("alert").get_by_text("402").wait_for()
    page.get_by_role("button", name="Send").wait_for()
    assert page.locator(".playground-out .stats").count() == 0
    assert page.get_by_role("heading", name="Attempts").count() == 0
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs it


def test_an_answer_is_inert(open_page: OpenPage, gateway: Gateway) -> None:
    """Scripts, images and links in a response or a model name do nothing."""
    page = open_page("playground", key=gateway.key)
    send(page, HOSTILE)
    done(page)
    page.get_by_text("onerror=alert(1)").first.wait_for()
    assert (
        page.locator(".playground-answer :is(img, script, svg:not(.icon), a[href^=javascript])").count() == 0
    )
    send(page, "Hello", model=HOSTILE)
    page.get_by_role("alert").wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # the rejection; a policy violation would have come earlier
    assert page.locator(".playground-answer :is(img, script)").count() == 0


def test_a_late_model_list_keeps_the_input(open_page: OpenPage, gateway: Gateway) -> None:
    """A late model list does not change a field that was edited."""
    page = open_page("usage", key=gateway.key)
    page.get_by_role("heading", name="Usage", level=1).wait_for()  # the overview loads models too
    waiting: list[Route] = []
    page.route("**/v1/models", lambda route: waiting.append(route))  # noqa: PLW0108 - it wants a function
    with page.expect_request("**/v1/models"):
        page.goto(f"{gateway.console}#/playground")
    field = page.get_by_label("Model", exact=True)
    field.press_sequentially("my-")
    field.fill("")
    with page.expect_response("**/v1/models"):
        waiting[0].continue_()
    page.locator("datalist option").first.wait_for(state="attached")
    field.press_sequentially("own")
    assert field.input_value() == "own"
