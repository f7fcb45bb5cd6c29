"""Whether lanes that were asked the same were given the same prompt: their servers' token counts must agree."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

from backends.answer import Answer
from backends.lane import Lane
from backends.model import family
from backends.prompt import AssistantTurn, Prompt, Tool, Turn, UserTurn, images_of
from backends.tokens import image_tokens, is_mistral

SMALL = 16  # tokens: what another tokenizer or another version of a template makes
EFFORT = 64  # an effort written into the prompt is shorter
SYSTEM = range(400, 900)  # Small 4's own template brings a system prompt of about 600 where it finds none
SLACK = 1 / 3  # of an estimate


class Mismatch(NamedTuple):
    """`blind`: it is about as many tokens too few as the images should have taken."""

    detail: str
    blind: bool


class _Count(NamedTuple):
    """`images`: what the images should take of the tokens, by estimate."""

    position: int
    lane: Lane
    prompt: Prompt
    tokens: int
    images: int

    @property
    def rest(self) -> int:
        """What is left, the same for all who were asked the same: some get the images in another size."""
        return self.tokens - self.images


def mismatches(asked: Sequence[tuple[Lane, Prompt]], answers: Sequence[Answer]) -> dict[int, Mismatch]:
    """The lanes, by position, whose first prompt was counted otherwise than that of most lanes asked the same."""
    comparable: defaultdict[Hashable, list[_Count]] = defaultdict(list)
    for position, ((lane, prompt), answer) in enumerate(zip(asked, answers, strict=True)):
        name = family(lane.model or lane.backend.model or answer.model)
        tokens = answer.rounds[0].usage.prompt
        if name and tokens is not None:
            images = sum(image_tokens(image.width, image.height) for image in images_of(prompt.turns))
            comparable[_sameness(lane, prompt, name)].append(_Count(position, lane, prompt, tokens, images))
    return {odd.position: _mismatch(odd, other) for counts in comparable.values() for odd, other in _odd(counts)}


def _sameness(lane: Lane, prompt: Prompt, name: str) -> Hashable:
    """Lanes with equal ones should have been given equal tokens, but for what their images take."""
    thought = any(isinstance(turn, AssistantTurn) and turn.reasoning for turn in prompt.turns)
    return (
        name,
        prompt.system,
        tuple(_asked(turn, name) for turn in prompt.turns),
        prompt.tools,
        thought and lane.replays,
        "" if is_mistral(name) else lane.effort,  # other models' templates may say whatever they like of an effort
    )


def _asked(turn: Turn, name: str) -> Hashable:
    """A turn as all lanes got it: of an image, its size where no estimate would make up for another one."""
    if not isinstance(turn, UserTurn):
        return turn
    return turn.text, tuple(is_mistral(name) or (image.width, image.height) for image in turn.images)


def _odd(counts: Sequence[_Count]) -> Iterator[tuple[_Count, _Count]]:
    """Each lane off the majority with one of that; without a majority, each lane with one that differs."""
    tally = Counter(each.rest for each in counts).most_common(2)
    if len(tally) < 2:
        return
    (usual, most), (_, next_most) = tally
    for each in counts:
        others = [other for other in counts if other.rest != each.rest]
        if most == next_most:
            yield each, others[0]
        elif each.rest != usual:
            yield each, next(other for other in others if other.rest == usual)


def _mismatch(odd: _Count, other: _Count) -> Mismatch:
    difference = odd.rest - other.rest
    blind = difference < 0 and _of_images(odd, -difference)
    causes = ", or ".join(_causes(odd, other)) or "the servers write or scale it otherwise"
    than = f"{abs(difference)} {'more' if difference > 0 else 'fewer'} than {other.lane.label} counts for the same"
    if odd.images != other.images:
        than += f", less the images, which have another size there (≈ {odd.images} here, ≈ {other.images} there)"
    return Mismatch(f"{odd.tokens} prompt tokens, {than}. Likely {causes}.", blind)


def _causes(odd: _Count, other: _Count) -> Iterator[str]:
    difference = abs(odd.rest - other.rest)
    less, fewer, more = odd, "this lane", other.lane.label
    if odd.rest > other.rest:
        less, fewer, more = other, more, fewer
    if _of_images(less, difference):
        yield f"{fewer} ignores an image or counts it otherwise"
    if odd.prompt.tools and _near(difference, _tools_tokens(odd.prompt.tools)):
        yield f"{fewer} does not pass on the tools or writes them otherwise"
    if odd.lane.effort != other.lane.effort and difference <= EFFORT:
        yield "the template writes the effort into the prompt"
    if difference in SYSTEM:
        yield f"the template of {more} adds a system prompt of its own"
    if difference <= SMALL:
        yield "another tokenizer or another version of the chat template is at work"


def _of_images(count: _Count, difference: int) -> bool:
    costs = [image_tokens(image.width, image.height) for image in images_of(count.prompt.turns)]
    return any(_near(difference, cost) for cost in {*costs, sum(costs)} if cost)


def _tools_tokens(tools: Iterable[Tool]) -> int:
    return sum(len(f"{tool.name} {tool.description} {tool.parameters}") // 4 + 12 for tool in tools)


def _near(difference: int, estimate: int) -> bool:
    return abs(difference - estimate) <= SLACK * estimate
