"""How a streaming comparison looks from the browser: the app beside a bare page, in headless Chromium.

Every token that carries its send time is timed when it shows up in the page; bytes are counted as the page receives
them, CPU over whole process trees.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from playwright.sync_api import Browser, Page

from benchmarks.chromium import PROMPT, chromium, processes
from benchmarks.figures import cpu, medians, others, percentile, table, tree
from benchmarks.servers import Server, serving
from tests.fake.script import Script

LANES = 4
RATE = 100
FIRST = 200
NAMES = [f"fake-{letter}" for letter in "abcd"]
WATCH = r"""
const watch = window.watch = { rows: [], submitted: 0, longest: 0, updates: 0 };
const seen = new Map();
addEventListener("keydown", (event) => { if (event.key === "Enter") watch.submitted = Date.now(); }, true);
new PerformanceObserver((tasks) => {
  if (watch.submitted) watch.longest = Math.max(watch.longest, ...tasks.getEntries().map((task) => task.duration));
}).observe({ type: "longtask" });
new MutationObserver(() => {
  watch.updates += watch.submitted > 0;
  const now = Date.now();
  document.querySelectorAll(".lane").forEach((column, lane) => {
    const answer = column.querySelector(".answer");
    if (!answer) return;
    if (!seen.has(lane)) seen.set(lane, { next: 0, from: 0 });
    const place = seen.get(lane), stamp = /w(\d+)u(\d{16})(?=\s)/g;
    stamp.lastIndex = place.from;
    for (const found of answer.textContent.matchAll(stamp)) {
      if (+found[1] < place.next) continue;
      watch.rows.push([+found[1], found[2] / 1000, now]);
      place.next = +found[1] + 1;
      place.from = Math.max(0, found.index - 500);  // markup that closes late makes the text shorter
    }
  });
}).observe(document, { subtree: true, childList: true, characterData: true });
"""
AIMS = {
    "token late p50 ms": "<= 60",
    "token late p95 ms": "<= 120",
    "last token late ms": "< 100",
    "longest task ms": "< 100",
    "server CPU s / 4,000 tokens": "x <= 2",
    "bytes per token": "< 80",
}


@contextmanager
def app(fake: str, *options: str, errors: IO[str] | None = None) -> Iterator[Server]:
    """The real app on a fresh database, its four backends all on the fake server; `options` go to the interpreter."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(*options, "app.py", errors=errors, **kept_in(Path(folder), fake)) as server,
    ):
        yield server


def kept_in(folder: Path, fake: str) -> dict[str, str]:
    """The app's environment when all that it reads and keeps is in `folder`; its backends are on the fake server."""
    entry = '[[backend]]\nname = "{}"\nkind = "openai"\nbase_url = "{}/openai/v1"\nmodel = "fake"\n\n'
    (folder / "backends.toml").write_text("".join(entry.format(name, fake) for name in NAMES))
    return {
        "DATABASE_URL": f"sqlite:///{folder / 'bench.db'}",
        "BACKENDS": str(folder / "backends.toml"),
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
    }


def load(browser: Browser, url: str, lanes: Sequence[str] = NAMES, watch: str = "") -> tuple[Page, float]:
    """A page of its own, and the milliseconds until its prompt box could be typed into."""
    page = browser.new_context(viewport={"width": 1600, "height": 1000}).new_page()
    page.add_init_script(WATCH + watch)
    started = time.perf_counter()
    page.goto(f"{url}/?lanes={','.join(lanes)}", wait_until="commit")
    page.wait_for_selector(PROMPT)
    return page, (time.perf_counter() - started) * 1000


def ask(browser: Browser, server: Server, tokens: int) -> dict[str, float]:
    page, loaded = load(browser, server.url)
    page.wait_for_function(f"document.querySelectorAll('.lane').length === {LANES}")
    page.wait_for_timeout(1000)  # what loading leaves behind must not be counted as streaming
    received: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.dataReceived", lambda data: received.append(data["dataLength"]))
    page.fill(PROMPT, f"{Script(tokens, RATE, first=FIRST, stamp=4)} Compare these.")
    before = time.perf_counter(), cpu(tree(server.pid)), cpu(processes()), others()
    page.press(PROMPT, "Enter")
    page.wait_for_function(
        f"watch.rows.filter(([index]) => index === {tokens - 1}).length === {LANES}",
        polling=200,
        timeout=(tokens / RATE * 2 + 30) * 1000,
    )
    after = time.perf_counter(), cpu(tree(server.pid)), cpu(processes()), others()
    seconds, used, browser_used, others_used = (end - start for start, end in zip(before, after, strict=True))
    rows, submitted, longest, updates = page.evaluate("[watch.rows, watch.submitted, watch.longest, watch.updates]")
    heap = page.evaluate("performance.memory.usedJSHeapSize")
    page.context.close()
    late = [shown - sent for _, sent, shown in rows]
    return {
        "token late p50 ms": percentile(late, 0.5),
        "token late p95 ms": percentile(late, 0.95),
        "last token late ms": max(shown - sent for index, sent, shown in rows if index == tokens - 1),
        "first token adds ms": min(shown for index, _, shown in rows if index == 0) - submitted - FIRST,
        "longest task ms": longest,
        "DOM updates a second": updates / seconds,
        "JS heap MB": heap / 1e6,
        "server CPU s / 4,000 tokens": used / (LANES * tokens) * 4000,
        "browser CPU s / 4,000 tokens": browser_used / (LANES * tokens) * 4000,
        "bytes per token": sum(received) / (LANES * tokens),
        "page load ms": loaded,
        "busy with other things, cores": max(0.0, round(others_used / seconds, 2)),
    }


def main(quick: bool) -> None:
    rounds = {500: 1} if quick else {500: 3, 2_000: 2}
    with ExitStack() as stack:
        fake = stack.enter_context(serving("-m", "tests.fake")).url
        servers = {
            "app": stack.enter_context(app(fake)),
            "floor": stack.enter_context(serving("-m", "benchmarks.floor", FAKE_URL=f"{fake}/openai")),
        }
        browser = stack.enter_context(chromium())
        for server in servers.values():
            ask(browser, server, 20)  # the first answer pays for imports
        for tokens, repeats in rounds.items():
            runs = [{name: ask(browser, server, tokens) for name, server in servers.items()} for _ in range(repeats)]
            ours, floor = (medians([run[name] for run in runs]) for name in servers)
            table(
                f"in Chromium, {LANES} lanes x {tokens:,} tokens at {RATE}/s",
                ["app", "floor", "app over floor", "aim"],
                [[key, ours[key], floor[key], over(key, ours[key], floor[key]), AIMS.get(key, "")] for key in ours],
            )


def over(key: str, ours: float, floor: float) -> str:
    """Times add up, and the floor's are near zero; amounts are told as a ratio."""
    if key.endswith("ms"):
        return f"{ours - floor:+.0f} ms"
    return f"x {ours / floor:.2f}" if floor else ""
