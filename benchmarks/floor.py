"""The limit a page can reach: a prompt box and four answers on one event stream, with no framework and no throttle."""

import asyncio
import json
import os
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, StreamingResponse
from starlette.routing import Route

from benchmarks import raw

LANES = int(os.environ.get("LANES", "4"))
PAGE = f"""<!doctype html><title>floor</title>
<style>body {{ display: flex }} .lane {{ flex: 1; height: 80vh; overflow: auto; white-space: pre-wrap }}</style>
<div id="prompt"><textarea></textarea></div>
{'<div class="lane"><div class="answer"></div></div>' * LANES}
<script>
const box = document.querySelector("textarea"), answers = document.querySelectorAll(".answer");
box.onkeydown = (event) => {{
  if (event.key !== "Enter") return;
  const source = new EventSource("/run?prompt=" + encodeURIComponent(box.value));
  source.onmessage = (message) => {{
    const [lane, text] = JSON.parse(message.data);
    answers[lane].append(text);
  }};
  source.addEventListener("end", () => source.close());
}};
</script>"""

http = raw.client(os.environ["FAKE_URL"])


async def home(request: Request) -> HTMLResponse:
    return HTMLResponse(PAGE)


async def run(request: Request) -> StreamingResponse:
    return StreamingResponse(messages(request.query_params["prompt"]), media_type="text/event-stream")


async def messages(prompt: str) -> AsyncIterator[str]:
    """What waits together travels together; a first piece never waits."""
    waiting: asyncio.Queue[str] = asyncio.Queue()

    async def answer(lane: int) -> None:
        async for text in raw.texts(http, prompt):
            waiting.put_nowait(f"data: {json.dumps([lane, text])}\n\n")

    lanes = asyncio.gather(*(answer(lane) for lane in range(LANES)))
    lanes.add_done_callback(lambda _: waiting.put_nowait("event: end\ndata:\n\n"))
    while not lanes.done() or not waiting.empty():
        pieces = [await waiting.get()]
        while not waiting.empty():
            pieces.append(waiting.get_nowait())
        yield "".join(pieces)


app = Starlette(routes=[Route("/", home), Route("/run", run)])

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning")
