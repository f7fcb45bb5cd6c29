"""Whether images reach the model: their colours, their order, and what is written in them."""

from collections.abc import Callable, Sequence

from backends.check import pictures
from backends.check.advice import advice
from backends.check.probe import SMALL, SYSTEM, Ask, Heard, Probe, Said, Subject, doubtful, failed, passed, skipped
from backends.check.result import Verdict
from backends.flags import image_ignored
from backends.prompt import Image, Prompt, UserTurn

COLOURS = ("red", "green", "blue", "yellow", "black", "white")
ONE = "What colour is this?"
TWO = "Which colours are these?"
READ = "Which two colours has this picture, and which word is written in it?"


def _shown(text: str, *images: Image) -> Prompt:
    return Prompt(SYSTEM, (UserTurn(text, images),))


def _asks(*prompts: Callable[[], Prompt]) -> Callable[[Subject], Sequence[Ask] | Said]:
    def asks(subject: Subject) -> Sequence[Ask] | Said:
        if subject.told and subject.told.vision is False and not subject.is_small_4:
            return skipped("The server says that its model sees no images.", advice("vision", subject.kind))
        return [(subject.lane(max_tokens=SMALL), prompt()) for prompt in prompts]

    return asks


def _seen(judge: Callable[[Subject, Sequence[Heard]], Said]) -> Callable[[Subject, Sequence[Heard]], Said]:
    """The judge; where the answer is not right, the tokens may tell that the image never reached the model."""

    def judged(subject: Subject, heard: Sequence[Heard]) -> Said:
        found = judge(subject, heard)
        if found.verdict is Verdict.PASSED:
            return found
        ignored = next(filter(None, (image_ignored(each.lane, each.prompt, each.answer) for each in heard)), "")
        return failed(ignored, advice("vision", subject.kind)) if ignored else found

    return judged


def _colours(text: str) -> list[str]:
    """The colours in a text, in the order of their first mention."""
    lower = text.lower()
    return sorted((colour for colour in COLOURS if colour in lower), key=lower.index)


def _image(subject: Subject, heard: Sequence[Heard]) -> Said:
    said = [each.answer.text for each in heard]
    if [_colours(text) for text in said] == [["red"], ["blue"]]:
        return passed("A red picture and a blue one are told apart.")
    if _colours(said[0]) == _colours(said[1]):
        words = f"A red picture and a blue one get the same answer: {said[0][:100]!r}."
    else:
        words = f"A red picture and a blue one are called {said[0][:80]!r} and {said[1][:80]!r}."
    return doubtful(words, "A small model may see little; a larger one should tell colours.")


def _order(subject: Subject, heard: Sequence[Heard]) -> Said:
    text = heard[0].answer.text
    found = _colours(text)
    if found == ["blue", "yellow"]:
        return passed("Two pictures are seen, in their order.")
    if found == ["yellow", "blue"]:
        return failed(f"Two pictures are seen in the wrong order: {text[:100]!r}.", "Send this server one image each.")
    return doubtful(
        f"A blue and a yellow picture were shown, and it said {text[:100]!r}.", "A small model may see little."
    )


def _word(subject: Subject, heard: Sequence[Heard]) -> Said:
    text = heard[0].answer.text
    if pictures.WORD in text.upper() and {"red", "green"} <= set(_colours(text)):
        return passed(f"The word {pictures.WORD} and the two colours around it are read.")
    words = f"A picture in red and green with the word {pictures.WORD} was shown, and it said {text[:100]!r}."
    return doubtful(words, "Where the model is able to read, look whether the server scales images down.")


PROBES = (
    Probe(
        "image",
        "image accepted and seen",
        _asks(
            lambda: _shown(ONE, pictures.plain("red")),
            lambda: _shown(ONE, pictures.plain("blue")),
        ),
        _seen(_image),
    ),
    Probe(
        "images",
        "two images in their order",
        _asks(lambda: _shown(TWO, pictures.plain("blue"), pictures.plain("yellow"))),
        _seen(_order),
    ),
    Probe(
        "word",
        "colours and a word read in an image",
        _asks(lambda: _shown(READ, pictures.drawn("red", "green"))),
        _seen(_word),
    ),
)
