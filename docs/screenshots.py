"""Takes pictures of each page of the running app: the embedded model answers, nothing is staged.

python -m docs.screenshots
"""

import re
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from benchmarks.chromium import chromium
from benchmarks.servers import serving

PICTURES = Path(__file__).parent / "pictures"
MINUTES = 60_000  # milliseconds
WIDE = {"width": 1440, "height": 900}
SIZES = {"": WIDE, "-medium": {"width": 1024, "height": 768}, "-narrow": {"width": 390, "height": 844}}
SCHEMES = {"": "light", "-dark": "dark"}
LOOKS = [(width + hue, size, scheme) for width, size in SIZES.items() for hue, scheme in SCHEMES.items()]
PROMPTS = ("Agent step", "Code from a screenshot", "Quick summary", "Code completion")  # the last one is not rated yet
# three of the embedded model, in few enough words to be waited for
LANES = ",".join(
    f"local;max_tokens=160;{more}" for more in ("effort=none", "effort=high", "effort=none;temperature=0.7")
)


def main() -> None:
    expect.set_options(timeout=MINUTES)
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        settings = {"DATABASE_URL": f"sqlite:///{folder}/lanewise.db", "BACKENDS": f"{folder}/none.toml"}
        with serving("app.py", GRADIO_TEMP_DIR=f"{folder}/uploads", **settings) as server:
            ada = browser.new_context(viewport=WIDE)
            runs = prepared(ada.new_page(), server.url)
            proven(ada.new_page(), server.url)
            for look, size, scheme in LOOKS:
                hers = browser.new_context(viewport=size, color_scheme=scheme, storage_state=ada.storage_state())
                stored(hers, server.url, runs, Path(folder) / "shared.html", look)
                tabs(hers.new_page(), server.url, look)
                rating(browser, size, scheme, server.url, look)
            for look, size, scheme in LOOKS:  # last: the histories above are to be the same
                live(browser.new_context(viewport=size, color_scheme=scheme).new_page(), server.url, look)
        users = f"{folder}/users.toml"
        add = [sys.executable, "-m", "ui.users", "--file", users, "add", "ada"]
        subprocess.run(add, input="a long password\n", text=True, check=True)
        with serving("app.py", at="/healthz", USERS=users, **settings) as server:
            for look, size, scheme in LOOKS:
                page = browser.new_context(viewport=size, color_scheme=scheme).new_page()
                page.goto(server.url)
                expect(page.get_by_role("button", name="Log in")).to_be_visible()
                shoot(page, f"login{look}")


def prepared(page: Page, url: str) -> list[str]:
    """One person's blind comparisons, all but the last one rated, and waiting for others' ratings; their ids."""
    runs = []
    for prompt in PROMPTS:
        page.goto(f"{url}/?lanes={LANES}")
        page.get_by_role("button", name="How it runs").click()
        page.locator("#blind input").check()
        page.get_by_role("button", name="Prompts").click()
        page.locator("#library button", has_text=prompt).click()
        run(page)
        for lane in "ABC":
            expect(page.locator(f"#lane-{lane} .card")).to_have_attribute("data-state", "done", timeout=300_000)
        runs.append(str(re.search(r"run=([^&]+)", page.url)[1]))
        page.locator(".sending input").fill("9")
        page.get_by_role("button", name="Send to the rating queue").click()
        if prompt != PROMPTS[-1]:
            rate(page)
    return runs


def run(page: Page) -> None:
    expect(page.locator("#prompt textarea")).not_to_be_empty()
    expect(page.locator(".places button")).to_have_count(3)
    page.locator("#prompt [data-testid=submit-button]").click()
    expect(page.locator("#lane-A .card")).not_to_have_attribute("data-state", "idle")


def rate(page: Page) -> None:
    page.locator(".rating .name").fill("Ada")
    page.locator(".rating .name").press("Enter")
    expect(page.locator(".rating .choices:not([inert]) button").first).to_be_visible()
    for key in ("2", "e"):
        page.keyboard.press(key)
    expect(page.locator(".rating .hint")).to_contain_text("Saved.")
    if page.locator(".rating .ask", has_text="reasoning").is_visible():
        page.keyboard.press("s")
    expect(page.locator("#lane-A .label")).not_to_be_empty()


def stored(hers: BrowserContext, url: str, runs: list[str], file: Path, look: str) -> None:
    """The pages of what is over."""
    page = hers.new_page()
    rated, sealed = runs[0], runs[-1]
    for name, shown in (("compare", rated), ("sealed", sealed)):
        page.goto(f"{url}/?run={shown}")
        expect(page.locator("#lane-A .card")).to_have_attribute("data-state", "done")
        expect(page.locator(".rating .choices button").first).to_be_visible()
        shoot(page, name + look)
    page.goto(f"{url}/?tab=history")
    page.get_by_role("tab", name="History").click()
    page.get_by_label("Search").fill("call*")
    expect(page.locator(".history mark").first).to_be_visible()
    shoot(page, f"history{look}")
    page.get_by_role("tab", name="Backends").click()
    expect(page.locator("#backends")).to_contain_text("ready")
    shoot(page, f"backends{look}")
    file.write_bytes(page.request.get(f"{url}/comparisons/{rated}.html").body())
    page.goto(file.as_uri())
    shoot(page, f"file{look}")


def proven(page: Page, url: str) -> None:
    """The embedded model is checked, and measured in a small way."""
    page.goto(f"{url}/?tab=check")
    page.get_by_role("button", name="Check local").click()
    expect(page.locator(".checks th[data-backend=local] .when")).to_be_visible(timeout=10 * MINUTES)
    load = measuring(page, url, "load")
    load.locator(".boxes label", has_text="Routine question").locator("input").check()
    for name, figure in {"steps": "1, 2, 4", "requests": "16", "max_tokens": "48"}.items():
        load.locator(f"[name={name}]").fill(figure)
    measured(load)
    context = measuring(page, url, "context")
    context.get_by_label("local, effort none").check()
    for group, wanted in ((".lengths", "4k"), (".depths", "the beginning, 50 %, the end")):
        for box in context.locator(f"{group} label").all():
            box.locator("input").set_checked(box.inner_text().strip() in wanted.split(", "))
    context.get_by_label("Texts for each length and depth").fill("1")
    measured(context)


def measuring(page: Page, url: str, part: str) -> Locator:
    page.goto(f"{url}/?tab=measure&part={part}")
    shown = page.locator(f"#measure-{part}")
    expect(shown.get_by_role("button", name="See what it takes")).to_be_visible()
    return shown


def measured(part: Locator) -> None:
    part.get_by_role("button", name="See what it takes").click()
    part.get_by_role("button", name="Start", exact=True).click()
    expect(part.locator(".result[data-state=done]")).to_be_visible(timeout=10 * MINUTES)


def tabs(page: Page, url: str, look: str) -> None:
    """From a recipe to a lane that is proven."""
    page.goto(f"{url}/?tab=serve")
    expect(page.locator("#serve pre").first).to_be_visible()
    shoot(page, f"serve{look}")
    page.goto(f"{url}/?tab=check")
    expect(page.locator(".checks .cell").first).to_be_visible()
    shoot(page, f"check{look}")
    for part, shown in (("load", ".result[data-state=done]"), ("context", ".map")):
        opened = measuring(page, url, part)
        opened.locator(".past .opens").first.click()
        expect(opened.locator(shown).first).to_be_visible()
        opened.locator(".result").evaluate("result => result.scrollIntoView()")
        shoot(page, f"{part}{look}")


def rating(browser: Browser, size: dict[str, int], scheme: str, url: str, look: str) -> None:
    """The page of somebody else, who was given one to rate."""
    page = browser.new_context(viewport=size, color_scheme=scheme).new_page()
    page.goto(f"{url}/rate")
    page.get_by_label("Your name").fill("Bob")
    page.keyboard.press("Enter")
    expect(page.locator(".rating .choices button").first).to_be_visible()
    shoot(page, f"rate{look}")
    page.goto("about:blank")  # gives back what was kept for Bob


def live(page: Page, url: str, look: str) -> None:
    page.goto(f"{url}/?lanes={LANES}")
    page.get_by_role("button", name="Prompts").click()
    page.locator("#library button", has_text="Planning").click()
    run(page)
    expect(page.locator("#answer-A")).to_contain_text(re.compile(r"(\w+\W+){15}"), timeout=MINUTES)
    shoot(page, f"live{look}")
    page.get_by_role("button", name="Stop all").click()


def shoot(page: Page, name: str) -> None:
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(500)  # for what slides, and for pictures
    picture = Image.open(BytesIO(page.screenshot()))
    picture.convert("RGB").save(PICTURES / f"{name}.webp", quality=80, method=6)


if __name__ == "__main__":
    main()
