"""Which model the field proposes: the conversation's own, or the one that answered last in this browser."""

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.doing import last_run, outcome, press, send

pytestmark = pytest.mark.browser

DEFAULT = "emulator/hello"


def test_it_shows_each_conversation_with_its_own_model(page: Page) -> None:
    model = page.get_by_label("Model", exact=True)
    expect(model).to_have_value(DEFAULT)
    send(page, "A first one", "emulator/reasoning")
    expect(outcome(page)).to_contain_text("Done")
    first = page.url

    page.goto("/")
    expect(model).to_have_value("emulator/reasoning")
    send(page, "A second one", "emulator/hello@gemini-generate")
    expect(outcome(page)).to_contain_text("Done")

    page.goto(first)
    expect(model).to_have_value("emulator/reasoning")
    page.goto("/")
    expect(model).to_have_value("emulator/hello@gemini-generate")


def test_it_never_proposes_a_model_that_did_not_answer(page: Page) -> None:
    model = page.get_by_label("Model", exact=True)
    send(page, "To nobody", "nobody/nothing")
    expect(page.locator("#note")).to_contain_text("There is no provider")
    page.reload()
    expect(model).to_have_value(DEFAULT)

    send(page, "To somebody who fails", "emulator/rate-limited")
    expect(last_run(page).locator(".problem")).to_be_visible()
    page.reload()
    expect(model).to_have_value("emulator/rate-limited")
    page.goto("/")
    expect(model).to_have_value(DEFAULT)


def test_a_chosen_model_stays_with_its_conversation_in_every_tab(page: Page, context: BrowserContext) -> None:
    model = page.get_by_label("Model", exact=True)
    send(page, "A first one", "emulator/echo")
    expect(outcome(page)).to_contain_text("Done")
    with page.expect_response("**/settings/"):
        model.click()
        page.get_by_role("option", name="emulator/reasoning").click()
    # Asking another one once changes nothing about it.
    press(last_run(page), "Answer again with another model")
    page.get_by_label("Search for a model").fill("emulator/hello")
    page.get_by_label("Search for a model").press("Enter")
    expect(outcome(page)).to_contain_text("Done · emulator/hello")

    second = context.new_page()
    second.goto(page.url)
    expect(second.get_by_label("Model", exact=True)).to_have_value("emulator/reasoning")
    second.get_by_role("link", name="New conversation").first.click()
    second.go_back()
    expect(second.get_by_label("Model", exact=True)).to_have_value("emulator/reasoning")


def test_it_takes_a_provider_as_a_phone_writes_it(page: Page) -> None:
    send(page, "With a capital", " Emulator / hello ")
    expect(outcome(page)).to_contain_text("Done · emulator/hello")
    expect(page.get_by_label("Model", exact=True)).to_have_value("emulator/hello")


def test_it_forgets_the_emulator_once_a_provider_has_a_key(context: BrowserContext) -> None:
    page = context.new_page()
    page.add_init_script("localStorage.setItem('runnel.model', 'emulator/reasoning')")

    def add_key(route: Route) -> None:
        # As the server writes the page then. A page that the test answers itself may open no socket.
        page.locator("#model").evaluate("field => field.setAttribute('value', 'openai/one')")
        route.continue_()

    page.route("**/js/main*.js", add_key)
    page.goto("/")
    page.locator("main[data-connection=online]").wait_for()
    expect(page.get_by_label("Model", exact=True)).to_have_value("openai/one")


def test_it_leaves_a_model_alone_that_was_typed_before_the_script_came(context: BrowserContext) -> None:
    page = context.new_page()
    page.add_init_script("localStorage.setItem('runnel.model', 'emulator/reasoning')")

    def type_first(route: Route) -> None:
        page.get_by_label("Model", exact=True).fill("emulator/long")
        route.continue_()

    page.route("**/js/main*.js", type_first)
    page.goto("/")
    page.locator("main[data-connection=online]").wait_for()
    expect(page.get_by_label("Model", exact=True)).to_have_value("emulator/long")
