"""Serves until a signal comes: then nothing new begins, and running lanes get their time; a second one ends it."""

import asyncio
import signal
import sys
from types import FrameType

import uvicorn

from storage.recorder import Recorder
from ui.door.door import Door


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, door: Door, recorder: Recorder) -> None:
        super().__init__(config)
        self._door, self._recorder = door, recorder
        self._draining: asyncio.Task[None] | None = None
        self._signals = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called between any two instructions: it only notes; `on_tick` acts."""
        self._signals += 1
        self._door.stopping = True
        if self._signals > 2 and sig == signal.SIGINT:
            self.force_exit = True

    async def on_tick(self, counter: int) -> bool:
        if self._signals and self._draining is None:
            self._draining = asyncio.create_task(self._recorder.drain(self._door.settings.grace))
            if running := sum(len(run.running) for run in self._recorder.runs):
                said = f"Waiting up to {self._door.settings.grace:g} s for {running} lanes; a second signal ends them."
                print(said, file=sys.stderr, flush=True)
        if self._signals > 1 or (self._draining and self._draining.done()):
            self.should_exit = True
        return await super().on_tick(counter)
