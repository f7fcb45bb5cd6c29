"""Takes the README's pictures from the running app: the embedded model answers, nothing is staged.

python -m docs.screenshots
"""

import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect

from benchmarks.chromium import chromium
from benchmarks.servers import serving

PICTURES = Path(__file__).parent / "pictures"
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        settings = {"DATABASE_URL": f"sqlite:///{folder}/lanewise.db", "BACKENDS": f"{folder}/none.toml"}
        with serving("app.py", **settings) as server:
            page = browser.new_context(viewport=WIDE).new_page()
            for example in ("Tool", "Image", "Text"):
                page.goto(server.url)
                page.locator("#add").click()
                page.get_by_role("button", name="Prompts").click()
                page.locator("#library button", has_text=f"{example}:").click()
                run(page)
            page.locator("#lane-B .reasoning summary").click()
            rate(page)
            shoot(page, "compare")
            runs = page.url
            page.get_by_role("tab", name="History").click()
            expect(page.locator(".history li")).to_have_count(3)
            shoot(page, "history")
            for name, size, scheme in (
                ("compare-dark", WIDE, "dark"),
                ("narrow", NARROW, "light"),
                ("narrow-dark", NARROW, "dark"),
            ):
                other = browser.new_context(viewport=size, color_scheme=scheme).new_page()
                other.goto(runs)
                expect(other.locator("#lane-A .card")).to_have_attribute("data-state", "done")
                shoot(other, name)


def run(page: Page) -> None:
    """Sends what is in the prompt box, and waits for every lane."""
    expect(page.locator("#prompt textarea")).not_to_be_empty()
    expect(page.locator(".lane:visible")).to_have_count(3)
    page.locator("#prompt [data-testid=submit-button]").click()
    for lane in "ABC":
        expect(page.locator(f"#lane-{lane} .card")).to_have_attribute("data-state", "done", timeout=120_000)


def rate(page: Page) -> None:
    page.locator(".rating .name").fill("Ada")
    page.locator(".rating .name").press("Enter")
    for key in ("2", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".rating .hint")).to_have_text("Saved.")


def shoot(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
