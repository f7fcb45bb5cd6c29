"""Six lanes that reason at length, in Chromium: what grows with the text, and does the page still answer a key?"""

import time
from contextlib import ExitStack

from playwright.sync_api import Browser, CDPSession, Page

from benchmarks.chromium import PROMPT, chromium, processes
from benchmarks.figures import cpu, others, percentile, table, tree
from benchmarks.page import NAMES, app, load
from benchmarks.servers import Server, serving
from tests.fake.script import Script

LANES, TOKENS, ANSWERED, RATE = 6, 20_000, 3_000, 350
QUARTERS = 4
WATCH = """
const long = window.long = { tasks: [], keys: [] };
new PerformanceObserver((tasks) => {
  for (const { startTime, duration } of tasks.getEntries()) long.tasks.push([startTime, duration]);
}).observe({ type: "longtask" });
addEventListener("keydown", (event) => requestAnimationFrame(() => {
  const { port1, port2 } = new MessageChannel();  // its message comes once the frame is drawn
  port1.onmessage = () => long.keys.push(performance.now() - event.timeStamp);
  port2.postMessage(0);
}), true);
"""
AIMS = {"longest task ms": "< 150", "key to frame p95 ms": "< 100", "last token late ms": "< 500"}


def ask(browser: Browser, server: Server, tokens: int) -> list[dict[str, float]]:
    """Figures of each quarter of the stream."""
    page, _ = load(browser, server.url, [NAMES[lane % len(NAMES)] for lane in range(LANES)], WATCH)
    page.wait_for_function(f"document.querySelectorAll('.lane').length === {LANES}")
    page.wait_for_timeout(1000)  # what loading leaves behind must not be counted as streaming
    received: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.dataReceived", lambda data: received.append(data["dataLength"]))
    answered = min(ANSWERED, tokens // 2)
    page.fill(PROMPT, f"{Script(answered, RATE, reasoning=tokens - answered, stamp=4)} Compare these.")
    page.press(PROMPT, "Enter")
    started = time.perf_counter()
    quarters = [
        quarter(page, session, server, received, started + tokens / RATE * number / QUARTERS)
        for number in range(1, QUARTERS)
    ]
    last = quarter(page, session, server, received, None, answered)
    page.context.close()
    return [*quarters, last]


def quarter(
    page: Page, session: CDPSession, server: Server, received: list[int], until: float | None, answered: int = 0
) -> dict[str, float]:
    """Types a key now and then `until` a moment, or until the last of the `answered` tokens is there."""
    received.clear()
    earlier = page.evaluate("long.tasks.length = long.keys.length = 0, watch.rows.length")
    before = time.perf_counter(), cpu(tree(server.pid)), cpu(processes()), others()
    done = f"watch.rows.filter(([index]) => index === {answered - 1}).length === {LANES}"
    patience = before[0] + 300
    while time.perf_counter() < (until or patience) and (until or not page.evaluate(done)):
        page.press(PROMPT, "x")
        page.wait_for_timeout(200)
    after = time.perf_counter(), cpu(tree(server.pid)), cpu(processes()), others()
    seconds, used, browser_used, others_used = (end - start for start, end in zip(before, after, strict=True))
    rows, tasks, keys = page.evaluate("[watch.rows, long.tasks, long.keys]")
    session.send("HeapProfiler.collectGarbage")
    late = [shown - sent for _, sent, shown in rows[earlier:]]
    return {
        "longest task ms": max((length for _, length in tasks), default=0.0),
        "tasks over 50 ms, share of time": sum(length for _, length in tasks) / 1000 / seconds,
        "key to frame p50 ms": percentile(keys, 0.5),
        "key to frame p95 ms": percentile(keys, 0.95),
        "token late p50 ms": percentile(late, 0.5),
        "token late p95 ms": percentile(late, 0.95),
        "last token late ms": max((shown - sent for index, sent, shown in rows if index == answered - 1), default=0.0),
        "JS heap MB, collected": session.send("Runtime.getHeapUsage")["usedSize"] / 1e6,
        "KB received a second": sum(received) / 1000 / seconds,
        "server, cores": used / seconds,
        "browser, cores": browser_used / seconds,
        "busy with other things, cores": max(0.0, others_used / seconds),
    }


def main(quick: bool) -> None:
    tokens = TOKENS // 4 if quick else TOKENS
    with ExitStack() as stack:
        fake = stack.enter_context(serving("-m", "tests.fake")).url
        servers = {
            "app": stack.enter_context(app(fake)),
            "floor": stack.enter_context(
                serving("-m", "benchmarks.floor", FAKE_URL=f"{fake}/openai", LANES=str(LANES))
            ),
        }
        browser = stack.enter_context(chromium())
        for name, server in servers.items():
            quarters = ask(browser, server, tokens)
            table(
                f"{name} in Chromium, {LANES} lanes x {tokens:,} tokens at {RATE}/s, most of them reasoning",
                ["1st quarter", "2nd", "3rd", "4th", "aim"],
                [[key, *(each[key] for each in quarters), AIMS.get(key, "")] for key in quarters[0]],
            )
