"""What the keys of a page do, for the sheet that `?` opens."""

from ui.component import Drawn

RATING = {
    "1 – 6": "place the first to the sixth answer; of two, the better one",
    "Shift A – F": "the same, by letter",
    "7 8 9": "of two: slightly, clearly, much better",
    "t": "tie; while ranking, with the next one",
    "b": "both or all are bad",
    "e": "the rest tie",
    "Backspace": "take the last one back",
    "s": "skip, then a number says why",
    "r": "open and close the reasoning",
    "m": "marks of the reasoning",
    "g": "tags",
    "o": "scores",
    "c": "comment",
    "Esc": "from these back to the answers",
    "v": "reveal without rating",
}
ANSWERS = {
    "f": "one answer alone, the next one, all again",
    "Esc": "all answers again",
    "d": "differences between two",
}
COMPARE = {
    "Rating": RATING,
    "Answers": ANSWERS,
    "Replay": {"Space": "play, pause", "← →": "on its bar: a second back, on"},
    "History": {"/": "search", "j k ↓ ↑": "down, up", "Enter": "open", "x": "choose, to compare two"},
}
RATE = {"Rating": RATING, "Answers": ANSWERS, "Rating queue": {"n Enter": "once it is rated: the next one"}}


def build(groups: dict[str, dict[str, str]]) -> Drawn:
    return Drawn("keys", groups, needs=("sheet",), elem_id="keys")
