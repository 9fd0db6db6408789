"""An MCP server's page in the admin, on a narrow screen."""

import json
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

ODD = Path(__file__).parents[1] / "runs" / "toolbox" / "odd_server.py"
TOOLS = [
    {"name": "whole", "description": "word " * 60, "inputSchema": {"type": "object"}},
    {"name": "long", "description": "nobreak" * 60, "inputSchema": {"type": "object"}},
    {"name": "broken", "description": "It is broken.", "inputSchema": {"type": "array"}},
]


def test_the_tools_of_a_server_fit_into_a_narrow_screen(page: Page) -> None:
    page.goto("/admin/runs/mcpserver/add/")
    page.locator("[name=name]").fill("odd")
    page.locator("[name=transport]").select_option("stdio")
    page.locator("[name=command]").fill(sys.executable)
    page.locator("[name=arguments]").fill(f"{ODD}\n{json.dumps(TOOLS)}")
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_role("button", name="Save and list tools").click()
    expect(page.locator("input[name=allowed]")).to_have_count(3)
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
