"""The system's headless Chromium, driven by Playwright; it knows no page of ours but its prompt box."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from playwright.sync_api import Browser, sync_playwright

from benchmarks.figures import tree

PROMPT = "#prompt textarea"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
# in the place of Playwright's own list; the last two load pages for each window's address bar, which nobody sees
_WITHOUT = (
    "AimEnabled,HttpsUpgrades,LensOverlay,MediaRouter,NetworkTimeServiceQuerying,OptimizationHints,PaintHolding,"
    "PreconnectToSearch,WebUIOmniboxAimPopup,WebUIOmniboxPopup"
)
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_FLAGS += [f"--disable-features={_WITHOUT}"]


def executable() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    path = executable()
    if not path:
        raise SystemExit(f"no Chromium found: install one of {', '.join(_NAMES)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


def processes() -> list[psutil.Process]:
    """Chromium's own processes, without Playwright's driver."""
    return [process for process in tree(os.getpid()) if process.name().startswith("chrom")]
