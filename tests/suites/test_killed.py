"""The app killed (kill -9) while it checks and measures: what had come is there at the next start, marked cut off."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.servers import Server, serving
from storage import unfinished
from storage.database import reading
from tests.fake.serving import faking
from tests.ui.conftest import settings

FORM: dict[str, Any] = {
    "text": "(fake tokens=5 rate=20)",
    "prompts": [],
    "steps": "1",
    "requests": 500,
    "seconds": 300,
    "max_tokens": 20,
    "warm_up": 0,
    "seed": 1,
}


def until(said: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := said():
            return found
        time.sleep(0.05)
    raise AssertionError("it never came")


def ask(app: Server, path: str, sent: dict[str, Any] | None = None) -> Any:
    answer = httpx.request("GET" if sent is None else "POST", f"{app.url}{path}", json=sent, timeout=60)
    return answer.raise_for_status().json()


def test_what_a_killed_app_had_found_is_kept_and_marked_as_cut_off(tmp_path: Path) -> None:
    environ = settings(tmp_path)

    def kept() -> int:
        """How many findings are on disk."""
        engine = reading(environ["DATABASE_URL"])
        with engine.connect() as connection:
            found = unfinished.found(connection).get("bursts")
        engine.dispose()
        return len(found.findings) if found else 0

    with faking() as fake:
        entry = '[[backend]]\nname = "{0}"\nkind = "vllm"\nbase_url = "{1}/vllm/v1"\nmodel = "{0}"\n'
        declared = "\n".join(entry.format(name, fake.url) for name in ("simulated", "bursts"))
        (tmp_path / "backends.toml").write_text(declared)
        with serving("app.py", **environ) as app:
            form = FORM | {"lanes": [{"backend": "simulated", "effort": "none"}]}
            budget = ask(app, "/measure/load/budget", form)["budget"]
            own = ask(app, "/measure/load", form | {"agreed": budget})["id"]
            ask(app, "/checks/start", {"backends": ["bursts"]})
            findings = until(kept)
            samples = until(lambda: ask(app, f"/measurements/{own}")["measurement"]["samples"])
            os.kill(app.pid, signal.SIGKILL)
            psutil.Process(app.pid).wait(60)
        with serving("app.py", **environ) as app:
            measured = ask(app, f"/measurements/{own}")
            (column,) = [each for each in ask(app, "/checks/state")["backends"] if each["name"] == "bursts"]
            assert measured["measurement"]["state"] == "interrupted"
            assert measured["measurement"]["samples"] >= samples
            assert measured["live"] is None
            assert (column["progress"]["state"], column["last"]) == ("interrupted", None)
            assert len(column["progress"]["cells"]) >= findings
            first = next(iter(column["progress"]["cells"]))
            asked = {"backend": "bursts", "probe": first, "live": True}
            assert httpx.get(f"{app.url}/checks/finding", params=asked).json()["exchanges"]
            assert ask(app, "/checks.json") == []
