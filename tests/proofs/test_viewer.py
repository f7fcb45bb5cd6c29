"""The viewer of LLM Comparator, as its package brings it, opens the file and shows what was judged."""

import pytest
from playwright.async_api import async_playwright, expect

from benchmarks.chromium import executable
from tests.proofs.conftest import Exported, python

pytestmark = pytest.mark.proof


async def test_the_viewer_opens_the_file_and_shows_who_was_better(exported: Exported) -> None:
    packages = python("arena").parent.parent / "lib"
    (page,) = packages.glob("python*/site-packages/llm_comparator/data/index.html")
    if not executable():
        pytest.skip("there is no Chromium here")
    errors: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        context = await browser.new_context(offline=True, viewport={"width": 1600, "height": 1200})
        viewer = await context.new_page()
        viewer.on("pageerror", lambda error: errors.append(str(error)))
        await viewer.goto(page.as_uri())
        await viewer.get_by_text("Upload File").click()
        await viewer.locator("input#upload").set_input_files(exported.views / "llm-comparator" / "llm-comparator.json")
        loaded = viewer.get_by_text(f"Loaded the dataset of {exported.written['llm-comparator']} examples.")
        await expect(loaded).to_be_visible(timeout=60_000)
        for said in ("2+2?", "Neither.", "The first."):
            await expect(viewer.get_by_text(said).first).to_be_visible()
        assert await viewer.locator("img[src^='data:image']").count() == 3
        await browser.close()
    assert errors == []
