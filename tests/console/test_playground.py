"""The playground: asking a model with everything set, what is told of it, and what stays inert."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.console.conftest import House, sign_in
from vaultcore.simulators.faults import InjectedFault

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

Opened = Callable[..., "Page"]
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>[x](javascript:alert(4))"


@pytest.fixture(autouse=True)
def well(house: House) -> Iterator[None]:
    """Nothing goes wrong any more at a provider after a test."""
    yield
    house.simulators["openai"].script.clear()


def ask(page: Page, prompt: str, *, model: str = "gpt-4o-mini") -> None:
    page.get_by_label("Model", exact=True).fill(model)
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_role("button", name="Send").click()


def done(page: Page) -> None:
    page.get_by_role("status").get_by_text("done", exact=True).wait_for()
    page.get_by_role("button", name="Send").wait_for()


def test_a_question_is_asked_and_told_about(opened: Opened, house: House, tmp_path: Path) -> None:
    """An answer streams in; times, tokens, exact cost and provider stand below it, and all of it exports."""
    page = opened("playground", key=house.admin)
    page.get_by_label("System prompt").fill("Be brief.")
    page.get_by_label("Temperature").fill("0.3")
    page.get_by_label("Max tokens").fill("200")
    ask(page, "How far is the moon?")
    done(page)

    page.get_by_text("You asked: “How far is the moon?”").wait_for()
    page.get_by_role("cell", name="openai").wait_for()  # the attempt, from the log
    told = page.locator(".playground-out .stats").inner_text()
    assert "≈" not in told
    assert "$0.0000" in told
    sent = house.simulators["openai"].script.asked[-1].body
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (sent["temperature"], sent["max_completion_tokens"]) == (0.3, 200)

    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    path = tmp_path / "run.json"
    download.value.save_as(path)
    saved = json.loads(path.read_text())
    assert saved["request"]["body"]["temperature"] == 0.3
    assert saved["answer"]["text"].startswith("You asked")
    assert saved["log"]["attempts"][0]["provider"] == "openai"
    assert house.admin not in path.read_text()


def test_what_the_gateway_did_is_told(opened: Opened, house: House) -> None:
    """A provider that failed is among the attempts, and what translation changed is told, streamed or not."""
    house.simulators["openai"].script.queue("gpt-4o-mini", *[InjectedFault(status=500)] * 8)
    page = opened("playground", key=house.admin)
    page.get_by_label("Temperature").fill("1.7")
    ask(page, "Hello", model="fast-llm")
    done(page)

    page.get_by_role("table", name="Attempts").get_by_role("cell", name="anthropic").wait_for()
    assert page.get_by_role("table", name="Attempts").get_by_text("500").count() >= 1
    house.simulators["openai"].script.clear()
    streamed = page.get_by_role("table", name="Translation").inner_text()
    assert "temperature" in streamed

    page.get_by_label("Stream the answer").uncheck()
    ask(page, "Hello again", model="anthropic/claude-simulated")
    page.get_by_text("You asked: “Hello again”").wait_for()
    done(page)
    assert "temperature" in page.get_by_role("table", name="Translation").inner_text()
    page.get_by_text("not streamed").wait_for()


def test_tools_and_schemas(opened: Opened, house: House) -> None:
    """A tool's call shows its arguments, a schema brings JSON, and what is no JSON is said before sending."""
    page = opened("playground", key=house.key)
    page.locator("datalist option").first.wait_for(state="attached")  # the page moves then
    page.get_by_text("Tools and answer format").click()
    page.get_by_label("Tools", exact=True).fill("[{")
    before = len(house.simulators["openai"].script.asked)
    ask(page, "Use get_weather, please")
    page.get_by_text("This is no JSON").wait_for()
    assert len(house.simulators["openai"].script.asked) == before
    page.locator("[aria-invalid=true]:focus").wait_for()

    page.get_by_role("button", name="Example tool").click()
    page.get_by_role("button", name="Send").click()
    done(page)
    page.get_by_role("heading", name="Calls get_weather").wait_for()
    assert '"place"' in page.get_by_role("region", name="arguments of get_weather").inner_text()
    assert '"get_weather"' in page.get_by_role("region", name="Python code").inner_text()

    page.get_by_role("button", name="No tools").click()
    page.get_by_label("Answer format").select_option("json_schema")
    page.get_by_role("button", name="Example schema").click()
    ask(page, "Somebody")
    page.get_by_role("region", name="answer", exact=True).wait_for()
    assert set(json.loads(page.get_by_role("region", name="answer", exact=True).inner_text())) == {
        "name",
        "age",
    }
    assert page.get_by_role("heading", name="Calls get_weather").count() == 0  # of the answer before


def test_a_virtual_key_is_told_the_exact_cost(opened: Opened, house: House) -> None:
    """Of a stream too: what is shown is what was settled, and nothing of the operator's is asked for."""
    made = house.ask("POST", "/admin/keys", {"name": "counted"})
    asked: list[str] = []
    page = opened("playground", key=made["key"])
    page.on("request", lambda request: asked.append(request.url))
    ask(page, "How far is the moon? " * 40)
    done(page)

    (entry,) = house.ask("GET", f"/admin/logs?key={made['id']}")["data"]
    cost = page.locator(".playground-out .stat").filter(has_text="Cost").inner_text()
    assert entry["cost_usd"] > 0
    assert f"${entry['cost_usd']:.9f}".rstrip("0") in cost
    assert "≈" not in cost
    page.get_by_text("One attempt").wait_for()
    assert not [url for url in asked if "/admin/" in url]


def test_code_is_what_was_sent(opened: Opened, house: House) -> None:
    """The Python code, when it is run, and the curl command ask for the same as the fields say."""
    page = opened("playground", key=house.key)
    page.get_by_label("Prompt", exact=True).fill('It\'s true\n"quoted"')
    page.get_by_label("Model", exact=True).fill("gpt-4o-mini")
    page.get_by_label("Top P").fill("0.5")

    python = page.get_by_role("region", name="Python code").inner_text()
    calls: list[dict[str, object]] = []
    source = python[python.index("answer = ") : python.index("for chunk")].replace(
        "client.chat.completions.create", "take"
    )
    exec(source, {"take": lambda **told: calls.append(told)})
    page.get_by_role("tab", name="curl").click()
    curl = page.get_by_role("region", name="curl code").inner_text()
    body = json.loads(curl.split("-d '", 1)[1].rstrip().removesuffix("'").replace("'\\''", "'"))
    assert calls == [body]
    assert body["messages"][0]["content"] == 'It\'s true\n"quoted"'
    assert f"{house.url}/v1/chat/completions" in curl
    assert house.key not in page.content()


def test_pictures_are_made(opened: Opened, house: House) -> None:
    """An image model gets the fields of pictures, and what it makes is there to save."""
    page = opened("playground", key=house.admin)
    page.get_by_label("Model", exact=True).fill("gpt-image-1")
    page.get_by_label("Picture", exact=True).fill("A lighthouse")
    page.get_by_label("How many").fill("2")
    page.get_by_role("button", name="Send").click()
    done(page)
    assert page.get_by_role("link", name="Save picture").count() == 2
    assert page.get_by_label("Temperature").count() == 0


def test_an_answer_is_stopped(opened: Opened, house: House) -> None:
    """Stop ends the waiting at once, and Ctrl+Enter asks anew."""
    house.simulators["openai"].script.queue("gpt-4o-mini", InjectedFault(delay=45))
    page = opened("playground", key=house.key)
    ask(page, "Take your time")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("status").get_by_text("stopped", exact=True).wait_for()  # long before the delay ends
    page.goto(f"{house.console}#/playground?model=gpt-4.1-mini")  # as "try it" leads there
    expect(page.get_by_label("Model", exact=True)).to_have_value("gpt-4.1-mini")
    page.get_by_label("Prompt", exact=True).press("Control+Enter")
    done(page)


def test_errors_are_told(opened: Opened, house: House) -> None:
    """What is refused, and what nobody answers, is told with its code; the fields stay as they were."""
    page = opened("playground", key=house.key)
    ask(page, "Hello", model="no-such-model-anywhere")
    page.get_by_role("alert").get_by_text("no provider here serves").wait_for()
    page.get_by_label("Key", exact=True).select_option("other")
    page.get_by_label("Virtual key").fill("vg_" + "0" * 40)
    ask(page, "Hello")
    page.get_by_role("alert").get_by_text("401").wait_for()
    assert page.get_by_label("Prompt", exact=True).input_value() == "Hello"
    page.context.set_offline(True)
    page.get_by_role("button", name="Send").click()
    page.get_by_role("alert").get_by_text("cannot be reached").wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs each


def test_what_is_typed_outlives_other_pages(opened: Opened, house: House) -> None:
    """The fields outlive another page, "try it" and a key that ended; signing out empties them."""
    made = house.ask("POST", "/admin/keys", {"name": "ends while one writes"})
    page = opened("playground", key=made["key"])
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("A long question")
    page.get_by_label("Temperature").fill("0.3")
    page.get_by_role("link", name="Usage").click()
    page.get_by_role("heading", name="Usage", level=1).wait_for()
    page.go_back()
    expect(prompt).to_have_value("A long question")
    page.goto(f"{house.console}#/models?q=gpt-4.1-mini")
    page.get_by_role("button", name="Try gpt-4.1-mini", exact=True).click()
    expect(page.get_by_label("Model", exact=True)).to_have_value("gpt-4.1-mini")
    expect(prompt).to_have_value("A long question")

    house.ask("DELETE", f"/admin/keys/{made['id']}")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("This key is no longer good here").wait_for()
    sign_in(page, house.key)
    expect(prompt).to_have_value("A long question")
    expect(page.get_by_label("Temperature")).to_have_value("0.3")
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, house.key)
    expect(prompt).to_have_value("")
    page.faults.clear()  # type: ignore[attr-defined]  # the refusal


@pytest.mark.parametrize(
    ("allowed", "chosen"),
    [
        (None, "gpt-4o-mini"),
        (["gpt-4.1", "gpt-4.1-nano", "gpt-5"], "gpt-4.1-nano"),
        (["dall-e-3"], "dall-e-3"),
    ],
)
def test_a_sensible_model_is_chosen_at_first(
    allowed: list[str] | None, chosen: str, opened: Opened, house: House
) -> None:
    """Nobody begins with a dear model: it is a well known one, or else the cheapest that the key may use."""
    made = house.ask("POST", "/admin/keys", {"name": f"begins with {chosen}", "allowed_models": allowed})
    page = opened("playground", key=made["key"])
    expect(page.get_by_label("Model", exact=True)).to_have_value(chosen)


def test_a_burst_has_no_speed(opened: Opened) -> None:
    """Tokens a second are told of a stream that took its time, and of none that came in one go."""
    page = opened(modules=True)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    runs = [(100, 101, 40), (100, 2_100, 3), (100, 2_100, 40)]
    speeds = page.evaluate(
        """async (runs) => {
          const { speed } = await import(`${location.pathname}views/playground/answer.js`);
          return runs.map(([first, last, pieces]) => speed({ first, last, pieces }, 80));
        }""",
        [list(each) for each in runs],
    )
    assert speeds == [None, None, 40]


def test_a_refusal_has_no_figures(opened: Opened, house: House) -> None:
    """Of a request that was refused at the door the reason is told, and no figures that there are not."""
    made = house.ask("POST", "/admin/keys", {"name": "nothing left", "credits_usd": "0.000000001"})
    page = opened("playground", key=made["key"])
    ask(page, "Hello")
    page.get_by_role("alert").get_by_text("402").wait_for()
    page.get_by_role("button", name="Send").wait_for()
    assert page.locator(".playground-out .stats").count() == 0
    assert page.get_by_role("heading", name="Attempts").count() == 0
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs it


def test_an_answer_is_inert(opened: Opened, house: House) -> None:
    """Scripts, pictures and links in an answer or a model's name do nothing."""
    page = opened("playground", key=house.key)
    ask(page, HOSTILE)
    done(page)
    page.get_by_text("onerror=alert(1)").first.wait_for()
    assert (
        page.locator(".playground-answer :is(img, script, svg:not(.icon), a[href^=javascript])").count() == 0
    )
    ask(page, "Hello", model=HOSTILE)
    page.get_by_role("alert").wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # the refusal; a policy's violation would have come before
    assert page.locator(".playground-answer :is(img, script)").count() == 0


def test_a_model_is_not_put_over_what_is_typed(opened: Opened, house: House) -> None:
    """A list of models that comes late changes nothing in a field that has the focus or was emptied."""
    page = opened("usage", key=house.key)
    page.get_by_role("heading", name="Usage", level=1).wait_for()  # the overview asks for models too
    waiting: list[Route] = []
    page.route("**/v1/models", lambda asked: waiting.append(asked))  # noqa: PLW0108 - it wants a function
    with page.expect_request("**/v1/models"):
        page.goto(f"{house.console}#/playground")
    field = page.get_by_label("Model", exact=True)
    field.press_sequentially("my-")
    field.fill("")
    with page.expect_response("**/v1/models"):
        waiting[0].continue_()
    page.locator("datalist option").first.wait_for(state="attached")
    field.press_sequentially("own")
    assert field.input_value() == "own"
