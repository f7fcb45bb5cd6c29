"""Long texts with one fact hidden in them, to see whether a model still finds it. Made here from words and numbers: the
same seed gives the same text. It knows no model."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random

Count = Callable[[str], int]
"""How many tokens a text is."""

INTRODUCTION = "These are the records of a harbour town. Read them: a question about them follows at their end."
DISTRACTORS = 4  # facts of the same form, about something else
LETTERS, DIGITS = "BCDFGHJKLMNPQRSTVWXZ", "23456789"  # none that is taken for another, none that makes words

_COLOURS = """
    amber black blue brown copper crimson green grey ivory olive orange red silver violet white yellow
    """.split()  # noqa: SIM905
_HOLDERS = """
    cabinet chest crate drawer locker safe strongbox trunk
    """.split()  # noqa: SIM905
_PLACES = """
    Aldermoor Brackwater Corrin Dunhaven Eastfold Farrow Gallowmere Hartsea Ilverton Jarrowby Kelmoor Lindale Marrick
    Northey Oskerton Pellgate Quarrend Ravensby Saltmarsh Tarnock Underhill Veldmark Westerlow Yarrowick
    """.split()  # noqa: SIM905
_ROOMS = """
    archive boathouse chapel customs-house granary guildhall lighthouse mill observatory schoolhouse tannery warehouse
    """.split()  # noqa: SIM905
_PEOPLE = """
    Agnes Barnaby Cecily Dorian Edda Fenwick Greta Hollis Ines Jory Katrin Ludo Maren Nils Odile Piers Rowan Sunniva
    Tobias Ursel Viggo Wanda Yrsa Zeno
    """.split()  # noqa: SIM905
_TRADES = """
    baker brewer carpenter carter chandler clerk cooper dyer ferryman fishmonger glazier mason miller pilot potter
    ropemaker saddler sailmaker smith surveyor tanner weaver
    """.split()  # noqa: SIM905
_GOODS = """
    barley beeswax bricks candles charcoal cheese cider copper-sheet flax glass-panes hemp honey iron-nails lamp-oil
    leather linen oak-planks paper pepper pitch rope sailcloth salt slates soap tar tea tiles wool
    """.split()  # noqa: SIM905
_VESSELS = """
    Curlew Dunlin Fulmar Gannet Heron Kittiwake Lapwing Osprey Petrel Plover Sanderling Tern
    """.split()  # noqa: SIM905
_WEATHER = """
    calm|clear and cold|foggy until noon|grey with drizzle|hot and still|mild|stormy|wet and windy|white with frost
    """.strip().split("|")
_REASONS = (
    """
    because the road was flooded|since nobody had signed for it|after a long quarrel over the price|as the council had
    asked|for want of dry timber|to make room for the new scales|while the bridge was being mended|before the ice came
    """.replace("\n    ", " ")
    .strip()
    .split("|")
)
_TASKS = (
    """
    counted the barrels twice|mended the eastern gate|measured the depth of the channel|painted the ferry landing|hung
    new bells|wrote to the provincial office|paid the night watch|cleared the ditch behind the mill|sold the old
    anchor|planted a row of limes|sharpened the saws|copied the register of births
    """.replace("\n    ", " ")
    .strip()
    .split("|")
)
_SENTENCES = (
    "{person} the {trade} of {place} {task} {reason}.",
    "The {vessel} came in from {place} with {many} loads of {good} and left on the next tide.",
    "It was {weather} that morning, and {person} {task}.",
    "At the {room} of {place} the clerk entered {many} pieces of {good} under the name of {person}.",
    "{person} bought {good} from a {trade} in {place}, who wanted {few} crowns more than the year before.",
    "The {trade} and the {other} disagreed about the {good}, {reason}.",
    "In {place} they {task}, though it had been {weather} for {few} days.",
    "Of the {good} that the {vessel} had carried, the {room} kept {many} and sent the rest to {place}.",
    "{person} walked from {place} to the {room} and found the {trade} asleep beside the {good}.",
    "Nothing was unloaded from the {vessel} that week, {reason}.",
    "A {other} from {place} offered {many} bundles of {good} for a share in the {vessel}.",
    "The roof of the {room} was repaired by {person}, a {trade}, {reason}.",
)


@dataclass(frozen=True, slots=True)
class Needle:
    """A fact in a text, what asks for it, and the code that answers."""

    fact: str
    question: str
    code: str


@dataclass(frozen=True, slots=True)
class Haystack:
    """`depth` is where the needle begins, as the share of the text before it."""

    text: str
    needle: Needle
    depth: float

    @property
    def prompt(self) -> str:
        return f"{INTRODUCTION}\n\n{self.text}\n\n{self.needle.question}"


def haystack(tokens: int, depth: float, seed: int, count: Count) -> Haystack:
    """A text that makes a prompt of about so many `tokens`, by `count`, with its needle at a `depth` from 0 to 1."""
    random = Random(f"{seed} {tokens} {depth}")
    needle, *others = _needles(random)
    facts = [f" {each.fact}" for each in others]
    around = f"{INTRODUCTION}\n\n {needle.fact}\n\n{needle.question}"
    sentences = _filled(tokens - count(around) - sum(map(count, facts)), random, count)
    for fact in facts:
        sentences.insert(random.randint(0, len(sentences)), fact)
    before = [0, *accumulate(map(len, sentences))]
    at = min(range(len(before)), key=lambda place: abs(before[place] - depth * before[-1]))
    sentences.insert(at, f" {needle.fact}")
    return Haystack("".join(sentences).strip(), needle, before[at] / max(before[-1], 1))


def _filled(tokens: int, random: Random, count: Count) -> list[str]:
    """Sentences that are so many tokens. Each is counted once, and those that are there tell how many more it takes."""
    endless = _sentences(random)
    new = [next(endless)]
    sentences, room = new, tokens - count(new[0])
    while (mean := (tokens - room) / len(sentences)) / 2 < room:
        wanted = min(room / mean, len(sentences))  # no more than there are: they tell it the better
        new = [next(endless) for _ in range(max(1, round(wanted)))]
        sentences = sentences + new
        room -= count("".join(new))
    return sentences


def _needles(random: Random) -> Iterator[Needle]:
    """One, and some that are like it but for a word of theirs."""
    colour, *colours = random.sample(_COLOURS, 1 + DISTRACTORS)
    place, *places = random.sample(_PLACES, 1 + DISTRACTORS)
    holder, room = random.choice(_HOLDERS), random.choice(_ROOMS)
    codes = _codes(random)
    yield _needle(colour, holder, room, place, next(codes))
    for number in range(DISTRACTORS):
        other = (colours[number], place) if number % 2 else (colour, places[number])
        yield _needle(other[0], holder, room, other[1], next(codes))


def _needle(colour: str, holder: str, room: str, place: str, code: str) -> Needle:
    what = f"the {colour} {holder} in the {room} of {place}"
    return Needle(
        f"The code of {what} is {code}.",
        f"What is the code of {what}? Answer with the code alone, as it is written in the records.",
        code,
    )


def _codes(random: Random) -> Iterator[str]:
    """Each another: `KXD-4827`."""
    given: set[str] = set()
    while True:
        code = f"{''.join(random.choices(LETTERS, k=3))}-{''.join(random.choices(DIGITS, k=4))}"
        if code not in given:
            given.add(code)
            yield code


def _sentences(random: Random) -> Iterator[str]:
    """Without end, each with what parts it from the one before; some begin a paragraph."""
    while True:
        yield f"\n\n{_sentence(random)}"
        for _ in range(random.randint(5, 10)):
            yield f" {_sentence(random)}"


def _sentence(random: Random) -> str:
    trade, other = random.sample(_TRADES, 2)
    said = random.choice(_SENTENCES).format(
        person=random.choice(_PEOPLE),
        trade=trade,
        other=other,
        place=random.choice(_PLACES),
        room=random.choice(_ROOMS),
        good=random.choice(_GOODS).replace("-", " "),
        vessel=random.choice(_VESSELS),
        weather=random.choice(_WEATHER),
        reason=random.choice(_REASONS),
        task=random.choice(_TASKS),
        many=random.randint(12, 980),
        few=random.randint(2, 19),
    )
    return said[0].upper() + said[1:]
