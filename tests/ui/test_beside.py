"""What a card says beyond its own answer: turns, samples and their spread, servers and caches that lanes share."""

from dataclasses import replace
from datetime import UTC, datetime

from backends.answer import Answer, Round, State, Times
from backends.events import Usage
from backends.lane import Backend, Lane
from backends.prompt import AssistantTurn, Image, Prompt, UserTurn
from backends.schedule import Schedule
from storage.comparison import AskedLane, Link, Question
from storage.plan import OPEN, Plan
from storage.showing import Showing
from ui import timing
from ui.timing import beside

USUAL = Plan()
PROMPT = Prompt("", (UserTurn("What is 1+1?"),))
MINE = Lane(Backend("one", "vllm"), "m")


def done(sent: int, end: int, text: str = "2", cached: int | None = None) -> Answer:
    times = Times(sent=sent, first=sent + 1000, last=end, end=end)
    usage = Usage(100, 11, cached=cached)
    return Answer(State.DONE, (Round(text=text, usage=usage, finish_reason="stop"),), times=times)


def shown(*lanes: AskedLane, order: tuple[int, ...], plan: Plan = USUAL) -> tuple[Question, Showing]:
    question = Question("run", PROMPT, {}, (Link("run", ""),), lanes, (), plan=plan)
    return question, Showing("s", "run", "me", OPEN, 0, order, datetime.now(UTC))


def asked(taken_from: str = "", crowded: bool = False, server: str = "here") -> AskedLane:
    return AskedLane(MINE, server, PROMPT, taken_from, crowded)


def test_in_turn_a_lane_waits_for_all_before_it() -> None:
    kept = shown(asked(), asked(), asked(), order=(2, 0, 1), plan=Plan(schedule=Schedule.SEQUENTIAL))
    assert [each.waits for each in beside(*kept, [Answer(), Answer(), Answer()])] == [True, False, True]
    assert [each.waits for each in beside(*kept, [done(0, 9), done(9, 19), Answer()])] == [False, False, False]


def test_further_samples_are_found_once_they_are_over() -> None:
    kept = shown(asked(), asked(), order=(1, 0), plan=Plan(samples=3))
    one, two, three = done(0, 9), done(0, 19), done(10, 20)
    rows = [one, two, three, Answer(), Answer(), two]
    assert [each.samples for each in beside(*kept, rows)] == [(two,), (three,)]


def test_lanes_of_one_server_name_one_another_by_their_places() -> None:
    lanes = asked(crowded=True), asked(crowded=True), asked(server="there"), asked("earlier", crowded=True)
    places = beside(*shown(*lanes, order=(3, 2, 1, 0)), [done(0, 9)] * 4)
    assert [[title for title, _ in each.crowded] for each in places] == [
        ["shares its server with another lane"],
        [],
        ["shares its server with lane D"],
        ["shares its server with lane C"],
    ]


def test_many_lanes_of_one_server_are_named_in_one_list() -> None:
    places = beside(*shown(*[asked(crowded=True)] * 4, order=(0, 1, 2, 3)), [done(0, 9)] * 4)
    assert places[0].crowded[0][0] == "shares its server with lane B, lane C and lane D"


def test_a_cache_that_an_earlier_lane_filled_is_told() -> None:
    kept = shown(asked(), asked(), asked("earlier"), order=(0, 1, 2))
    first, second, third = beside(*kept, [done(0, 9), done(1000, 19, cached=1096), done(2000, 29, cached=1096)])
    assert (first.cached, third.cached) == ((), ())
    ((title, detail),) = second.cached
    assert title == "cache filled by lane A"
    assert "1,096 tokens" in detail


def test_whose_prompt_was_not_read_yet_has_filled_no_cache() -> None:
    places = beside(*shown(asked(), asked(), order=(0, 1)), [done(0, 9), done(999, 19, cached=1096)])
    assert [each.cached for each in places] == [(), ()]


def test_a_lane_whose_images_had_to_be_re_encoded_says_whose_differ() -> None:
    large, small = (Image(digit * 64, "image/png", 8, 8, b"") for digit in "ab")

    def lane(*images: Image) -> AskedLane:
        before = UserTurn("Before", (large,)), AssistantTurn("Yes.")
        return AskedLane(MINE, "", Prompt("", (*before, UserTurn("Which?", images))))

    def notes(*lanes: AskedLane) -> list[list[str]]:
        question, showing = shown(*lanes, order=tuple(range(len(lanes))))
        given = replace(question, prompt=Prompt("", (UserTurn("Which?", (large, large)),)))
        return [[detail for _, detail in each.crowded] for each in beside(given, showing, [done(0, 9)] * len(lanes))]

    one, two, three = notes(lane(large, large), lane(large, small), lane(large, large))
    assert (one, three) == ([], [])
    assert "not shown quite what lane A and lane C saw" in two[0]
    assert notes(lane(small, small), lane(small, small)) == [[], []]


def test_the_spread_is_the_middle_and_the_range() -> None:
    taken = timing.spread([done(0, 1_001_000), done(0, 2_001_000), done(0, 501_000, text="two")], "answers/run/0")
    assert taken is not None
    assert (taken["title"], taken["same"]) == ("3 samples", "2 of 3 texts identical")
    assert [figure[:2] for figure in taken["figures"]] == [
        ("first token", "1 ms"),
        ("total", "1.00 s (501 ms to 2.00 s)"),
        ("speed", "10 tok/s (5 tok/s to 20 tok/s)"),
        ("tokens", "11 out"),
    ]
    assert [each["url"] for each in taken["each"]] == [f"answers/run/0?sample={index}" for index in range(3)]
    assert timing.spread([done(0, 9)], "") is None
