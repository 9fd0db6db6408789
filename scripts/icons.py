"""Draws the PNG icons of the page from ``static/runnel/logo.svg`` with Debian's Chromium; the files are kept in git.

Run it after a change of the logo: ``.venv/bin/python scripts/icons.py``.
"""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

STATIC = Path(__file__).resolve().parents[1] / "static" / "runnel"
ICONS = STATIC / "icons"

#: Name, pixels of the square, and the share of it that the logo takes. A maskable icon is cut to any shape: what
#: counts lies within 80 % of it, on the logo's colour. iOS fills what is transparent with black.
KINDS = (
    ("icon-192.png", 192, 1.0, "transparent"),
    ("icon-512.png", 512, 1.0, "transparent"),
    ("maskable-512.png", 512, 0.8, "#0b6e69"),
    ("apple-touch-180.png", 180, 0.86, "#0b6e69"),
)


def main() -> None:
    """Write the icons."""
    ICONS.mkdir(exist_ok=True)
    logo = (STATIC / "logo.svg").read_text()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for name, size, share, background in KINDS:
            page = browser.new_page(viewport={"width": size, "height": size})
            side = round(size * share)
            page.set_content(
                f"<style>body{{margin:0;height:100vh;display:grid;place-items:center;background:{background}}}"
                f"svg{{width:{side}px;height:{side}px;display:block}}</style>{logo}"
            )
            page.screenshot(path=ICONS / name, omit_background=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
