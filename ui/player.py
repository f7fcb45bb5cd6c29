"""The player under the question: what is stored plays again as it came. A replay belongs to one page, and ends with it.

The page says where its replay stands and how fast it goes, all of it with every change: so the last word counts.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from backends.replay import Replay
from storage.shipped import ORIGIN
from ui import viewer
from ui.component import PRIVATE, Drawn
from ui.stage import Stage
from ui.view import LETTERS

MOST = 30  # replays at once, each with its recordings; who wants one more ends the one that was left alone longest
FASTEST = 4

# what stands there until it is known whether the comparison can be played: the same bar, so that nothing jumps
WAITING = "(run) => run && { run, end: 0, said: 'Plays again once it is over.' }"
SEALED = "Plays again once it is rated."
SHIPPED = "Recorded with the embedded model."
WELCOME = f"{SHIPPED} Ask something above."


@dataclass(slots=True)
class Playing:
    """What one page plays; `token` is another for each replay, `number` that of the page's last word on it."""

    token: str
    run: str
    replay: Replay
    number: int = 0
    at: int = 0
    speed: int = 0

    def set(self, at: int, speed: int, number: int) -> None:
        if number > self.number:  # one that was overtaken on its way is old
            self.at, self.speed, self.number = at, speed, number
            self.begin()

    def begin(self) -> None:
        self.replay.set(self.at, self.speed)


class Player:
    def __init__(self, stage: Stage, bar: Drawn) -> None:
        self.stage, self.bar = stage, bar
        self._playing: dict[str, Playing] = {}  # by page, the one that was touched last at the end

    def wire(self, page: gr.Blocks, run: gr.Textbox) -> Any:
        """The event that plays, for whoever shows something else in its place."""
        played = gr.Textbox(visible="hidden", elem_id="played")
        self.bar.control(self.control, None, played, trigger_mode="multiple", **PRIVATE)
        run.change(None, run, self.bar, js=WAITING, **PRIVATE)
        page.unload(self.leave)
        return played.change(self.play, played, self.stage.parts, **PRIVATE)

    async def offer(self, run: str, request: gr.Request) -> dict[str, Any] | None:
        """What the bar shows of a comparison that is no longer watched."""
        kept = await self.stage.kept(run, viewer.of(request))
        if kept is None:
            return None
        question, showing = kept
        if showing.sealed:  # its times would tell the lanes apart
            return {"run": run, "end": 0, "said": SEALED}
        laps = await self.stage.store.laps(run)
        ends = [(lap.first and lap.first - lap.start, lap.end - lap.start) for lap in laps]
        shown = [ends[position] for position in showing.order] if ends else []
        welcome = question.origin == ORIGIN and run == await self.stage.store.welcome()
        return {
            "run": run,
            "end": max((end for _, end in shown), default=0),
            "lanes": [
                {"letter": letter, "first": first, "end": end}
                for letter, (first, end) in zip(LETTERS, shown, strict=False)
            ],
            "welcome": welcome,
            "said": WELCOME if welcome else SHIPPED if question.origin == ORIGIN else "",
        }

    async def control(self, event: gr.EventData, request: gr.Request) -> str:
        """Sets this page's replay as its bar says. Its token, a new one where it has yet to begin."""
        page, who = str(request.session_hash), viewer.of(request)
        match event._data:
            case {"run": str() as run, "at": int() as at, "speed": int() as speed, "number": int() as number}:
                begun = self._found(page, run) or await self._begun(run, who)
                if playing := self._found(page, run) or begun:  # more may have been said meanwhile
                    playing.set(at, min(max(speed, 0), FASTEST), number)
                    self._playing.pop(page, None)
                    self._playing[page] = playing
                    self._spare()
                    return playing.token
        return ""

    def _found(self, page: str, run: str) -> Playing | None:
        playing = self._playing.get(page)
        return playing if playing and playing.run == run and not playing.replay.closed else None

    async def _begun(self, run: str, who: str) -> Playing | None:
        """A replay of what this viewer may see; None where there is nothing to play."""
        kept = await self.stage.kept(run, who)
        if kept is None or kept[1].sealed or not (laps := await self.stage.store.laps(run)):
            return None
        recordings = await self.stage.store.recordings(run)
        replay = await asyncio.to_thread(Replay, recordings, [lap.start for lap in laps])  # sorts all of their events
        return Playing(secrets.token_hex(8), run, replay)

    async def play(self, token: str, request: gr.Request) -> AsyncIterator[Sequence[Any]]:
        """Frames as they were live, at the end what is stored; until nobody has touched it for long."""
        page = str(request.session_hash)
        playing = self._playing.get(page)
        kept = playing and await self.stage.kept(playing.run, viewer.of(request))
        if playing is None or not kept or playing.token != token:
            return
        playing.begin()  # what was asked for counts from the first frame: until then nobody saw anything
        try:
            while not playing.replay.closed:
                async for parts in self.stage.frames(*kept, playing.replay):
                    yield parts
                if not playing.replay.closed:
                    yield await self.stage.stored(*kept)
                    await playing.replay.again()
        finally:
            playing.replay.close()
            self._spare()

    def leave(self, request: gr.Request) -> None:
        """Ends the replay of a page that was closed."""
        if playing := self._playing.pop(str(request.session_hash), None):
            playing.replay.close()

    def _spare(self) -> None:
        for page in [page for page, playing in self._playing.items() if playing.replay.closed]:
            del self._playing[page]
        while len(self._playing) > MOST:
            self._playing.pop(next(iter(self._playing))).replay.close()
