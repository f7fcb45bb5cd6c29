"""Sends the comparison that the Compare tab shows to the rating queue, once it is over; or takes it back."""

from typing import Any

import gradio as gr

from storage.comparison import Question
from storage.errors import RatingError, StorageError
from storage.queue import MOST
from storage.recorder import Recorder
from storage.store import Store
from ui.component import PRIVATE, Drawn

USUAL = 3  # ratings of a comparison


def build(store: Store, recorder: Recorder, run: gr.Textbox) -> Drawn:
    bar = Drawn("sending", elem_id="sending")

    async def send(run: str, event: gr.EventData) -> Any:
        sent, said = event._data, ""
        try:
            await store.enqueue([run], int(sent["overlap"]))
        except (RatingError, StorageError) as error:
            said = str(error)
        kept = await store.question(run)
        return kept and shown(kept, recorder, said, sent["number"])

    bar.send(send, run, bar, trigger_mode="multiple", **PRIVATE)
    return bar


def shown(kept: Question, recorder: Recorder, said: str = "", number: int = 0) -> dict[str, Any] | None:
    """Nothing as long as it runs. `number` is that of the act on the page that this answers, the first being 1."""
    live = recorder.live(kept.id)
    if live and not live.over:
        return None
    return {
        "run": kept.id,
        "overlap": kept.overlap,
        "rated": kept.rated,
        "usual": USUAL,
        "most": MOST,
        "said": said,
        "number": int(number),
    }
