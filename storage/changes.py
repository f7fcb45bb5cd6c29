"""Every write, as a job for the writer: what is created, appended, ended, rated.

Nothing is overwritten but an end and the flags that come with it. Statements are made once: to build one takes longer
than to run it.
"""

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from math import inf

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from backends import recording
from backends.answer import Answer, fold
from backends.events import Failed, Finished, Stamped
from backends.flags import Flag, flagged
from backends.lane import Lane
from backends.prompt import Prompt, images_of
from backends.runner import INTERRUPTED, Entry
from backends.schedule import Schedule
from storage import battles, lanes, prompts, queue, showing
from storage.comparison import NONE_KEPT, Place, Rating, current
from storage.errors import RatingError, RunLost, StorageError
from storage.plan import Plan
from storage.ratings import MOVED_ON, Judgement, checked, named
from storage.rows import IDS, answers_of, grouped, has, packed, prompts_of, ratings_of, recordings, row_of
from storage.rubric import Rubric
from storage.schema import (
    answers,
    comparisons,
    flags,
    images,
    prompt_images,
    ratings,
    recording_chunks,
    replicas,
    texts,
)
from storage.schema import prompts as prompt_bodies
from storage.showing import Showing, Step

log = logging.getLogger(__name__)

LOST = Failed("bug", "Not all of this answer could be stored. Please report it with the app's log.")

_COMPARISON, _ANSWER, _TEXTS, _RATING, _FLAG = map(insert, (comparisons, answers, texts, ratings, flags))
_BEGUN = (
    select(comparisons.c.replica, comparisons.c.started_at, answers.c.position, answers.c.id)
    .join_from(comparisons, answers)
    .where(comparisons.c.id == bindparam("of"))
)
_BEGIN = update(comparisons).where(comparisons.c.id == bindparam("of"))
_CHUNK = insert(recording_chunks).values(
    answer_id=bindparam("of"),
    seq=select(func.coalesce(func.max(recording_chunks.c.seq) + 1, 0))
    .where(recording_chunks.c.answer_id == bindparam("of"))
    .scalar_subquery(),
    data=bindparam("recorded"),
)
_END = update(answers).where(answers.c.id == bindparam("of"))
_SAID = update(texts).where(texts.c.answer_id == bindparam("of"))
_UNFLAG = delete(flags).where(flags.c.answer_id.in_(IDS))


def create(
    connection: Connection,
    prompt: Prompt,
    asked: Sequence[tuple[Lane, Prompt]],
    plan: Plan,
    maker: str,
    follows: str | None,
    kept: Mapping[int, Place] = NONE_KEPT,
    remakes: str | None = None,
    replica: str = "",
) -> str:
    now, comparison_id = datetime.now(UTC), uuid.uuid4().hex
    if follows and not has(connection, comparisons, follows):
        raise StorageError("The conversation that this continues is not here any more: start a new one.")
    ids = {each: _keep(connection, each, now) for each in {prompt, *(own for _, own in asked)}}
    row = {
        "id": comparison_id,
        "created_at": now,
        "follows_id": follows,
        "remakes_id": remakes,
        "replica": replica,
        "prompt_id": ids[prompt],
        "title": prompts.title(prompt),
        "maker": maker,
        "blind": plan.presentation.blind,
        "pace": plan.presentation.pace.value,
        "traces": plan.presentation.traces.value,
        "schedule": plan.schedule.value,
        "warm_up": plan.warm_up,
        "samples": plan.samples,
    }
    connection.execute(_COMPARISON, row)
    _ask(connection, comparison_id, [(lane, ids[own]) for lane, own in asked], plan, kept)
    if follows or kept:
        showing.relate(connection, comparison_id)
    showing.begin(connection, comparison_id, maker)
    return comparison_id


def _ask(
    connection: Connection,
    comparison_id: str,
    asked: Sequence[tuple[Lane, str]],
    plan: Plan,
    kept: Mapping[int, Place],
) -> None:
    """Each lane with the id of its prompt, as often as it is asked."""
    asked_now = {place: lane for place, (lane, _) in enumerate(asked) if place not in kept}
    crowded = lanes.crowded(asked_now) if plan.schedule is Schedule.PARALLEL else ()
    rows = []
    for position, (lane, prompt_id) in enumerate([*asked] * plan.samples):
        sample, place = divmod(position, len(asked))
        if position in kept:
            taken = lanes.copied(row_of(connection, kept[position]))
        else:
            own = {"prompt_id": prompt_id, "crowded": place in crowded, "copied_from_id": None}
            taken = own | lanes.settings(lane)
        row = {"id": uuid.uuid4().hex, "comparison_id": comparison_id, "position": position, "sample": sample}
        rows.append(row | {"state": Answer().state.value} | taken)
    if rows:
        connection.execute(_ANSWER, rows)
        connection.execute(_TEXTS, [{"answer_id": row["id"]} for row in rows])


def append(
    connection: Connection,
    comparison_id: str,
    started: datetime,
    entries: Sequence[Entry],
    ended: Mapping[int, Answer],
    odd: Sequence[Sequence[Flag]] = (),
) -> None:
    ids = _begun(connection, comparison_id, started)
    _record(connection, {ids[lane]: events for lane, events in grouped(entries).items()})
    _end(connection, {ids[lane]: answer for lane, answer in ended.items()})
    _flag(connection, comparison_id, {ids[lane]: found for lane, found in enumerate(odd)})


def abandon(connection: Connection, comparison_id: str, started: datetime, entries: Sequence[Entry]) -> None:
    """Ends the lanes of a run of which something can't be recorded: the rest of it is, and a failure says so."""
    ids = _begun(connection, comparison_id, started)
    whole = {ids[lane]: _whole(events) for lane, events in grouped(entries).items()}
    _record(connection, whole)
    _end(connection, {answer_id: fold(events) for answer_id, events in recordings(connection, whole).items()})
    _flag_kept(connection, comparison_id)


def _whole(events: Sequence[Stamped]) -> list[Stamped]:
    """As many as can be recorded; where some can't, they end with that."""
    whole = [each for each in events if _recordable(each)]
    if len(whole) < len(events):
        whole = [each for each in whole if not isinstance(each.event, Finished | Failed)]
        whole.append(Stamped(events[-1].at, LOST))
    return whole


def interrupt(connection: Connection) -> None:
    """Gives every lane an end that has none and is run by no app that is here."""
    lost = comparisons.c.replica.not_in(select(replicas.c.id))
    wanted = select(answers.c.id, answers.c.comparison_id).join(comparisons)
    unended = connection.execute(wanted.where(answers.c.end_us.is_(None), lost)).all()
    for answer_id, _ in unended:
        events = recordings(connection, [answer_id])[answer_id]
        end = Stamped(events[-1].at if events else 0, INTERRUPTED)
        _record(connection, {answer_id: [end]})
        _end(connection, {answer_id: fold([*events, end])})
    for comparison_id in {row.comparison_id for row in unended}:
        _flag_kept(connection, comparison_id)
        connection.execute(_BEGIN, {"of": comparison_id, "replica": ""})


def rate(
    connection: Connection,
    rubric: Rubric,
    comparison_id: str,
    evaluator: str,
    judgement: Judgement,
    seen: Showing | None,
) -> Rating:
    """With the showing in which it was made, whose blindness it ends."""
    lanes = answers_of(connection, [comparison_id])[comparison_id]
    if not lanes:
        raise RatingError("This comparison is not here any more.")
    now, name = datetime.now(UTC), named(evaluator)
    if seen and showing.found(connection, comparison_id, seen.viewer) != seen:  # two presses must not be two ratings
        raise RatingError(MOVED_ON)
    reasoned = [lane.position for lane in lanes if lane.first_reasoning_us is not None]
    earlier = _latest(connection, comparison_id, name)
    elsewhere = bool(seen and earlier and earlier.showing_id != seen.id)  # where who rates may have seen the names
    if seen and seen.step is Step.REASONING:  # which must not change how the answers were judged without it
        if earlier is None or elsewhere:
            raise RatingError("The answers were judged here under another name: judge the reasoning under that one.")
        judgement = replace(earlier, traces=judgement.traces, opened=judgement.opened)
    longest = (now - seen.created_at).total_seconds() if seen else inf
    judged = checked(judgement, rubric, len(lanes), reasoned, longest)
    rating = Rating(
        **{each.name: getattr(judged, each.name) for each in fields(Judgement)},
        id=uuid.uuid4().hex,
        evaluator=name,
        created_at=now,
        supersedes=earlier.id if earlier else None,
        showing_id=seen.id if seen else None,
        blind=bool(seen and seen.sealed and not elsewhere),
    )
    row = asdict(rating)
    connection.execute(_RATING, {"comparison_id": comparison_id, "supersedes_id": row.pop("supersedes"), **row})
    if seen and seen.sealed:
        showing.rated(connection, seen, reasoned=bool(reasoned) and not (judged.skipped or judged.early))
    queue.judged(connection, comparison_id, seen.viewer if seen else "")
    battles.refresh(connection, comparison_id)
    return rating


def _begun(connection: Connection, comparison_id: str, started: datetime) -> dict[int, str]:
    """The answers' ids by position, after storing when the run began. Raises RunLost where the run was given an end."""
    rows = connection.execute(_BEGUN, {"of": comparison_id}).all()
    if not rows or not rows[0].replica:
        raise RunLost(f"comparison {comparison_id} was ended by another app, or is gone")
    if rows[0].started_at is None:
        connection.execute(_BEGIN, {"of": comparison_id, "started_at": started})
    return {row.position: row.id for row in rows}


def _latest(connection: Connection, comparison_id: str, evaluator: str) -> Rating | None:
    mine = (each for each in ratings_of(connection, [comparison_id])[comparison_id] if each.evaluator == evaluator)
    return next(iter(current(mine)), None)


def _keep(connection: Connection, prompt: Prompt, now: datetime) -> str:
    """The prompt's id, after storing it where it is new."""
    body = prompts.body(prompt)
    prompt_id = prompts.prompt_id(body)
    if has(connection, prompt_bodies, prompt_id):
        return prompt_id
    connection.execute(insert(prompt_bodies).values(id=prompt_id, body=body))
    for position, image in enumerate(dict.fromkeys(images_of(prompt.turns))):
        if not has(connection, images, image.sha256):
            connection.execute(
                insert(images).values(
                    sha256=image.sha256,
                    mime=image.mime,
                    width=image.width,
                    height=image.height,
                    bytes=len(image.data),
                    created_at=now,
                )
            )
        connection.execute(insert(prompt_images).values(prompt_id=prompt_id, sha256=image.sha256, position=position))
    return prompt_id


def _record(connection: Connection, said: Mapping[str, Sequence[Stamped]]) -> None:
    """More events of each answer, by its id."""
    dumped = [{"of": each, "recorded": packed(recording.dump(events))} for each, events in said.items()]
    if dumped:
        connection.execute(_CHUNK, dumped)


def _recordable(stamped: Stamped) -> bool:
    try:
        recording.dump([stamped])
    except TypeError:  # half a character, or a number of more than 64 bits
        return False
    return True


def _end(connection: Connection, said: Mapping[str, Answer]) -> None:
    """Each answer by its id. The end comes last: with that of its last lane a comparison's texts are indexed."""
    if said:
        connection.execute(_SAID, [{"of": each, **lanes.words(answer)} for each, answer in said.items()])
        connection.execute(_END, [{"of": each, **lanes.outcome(answer)} for each, answer in said.items()])


def _flag(connection: Connection, comparison_id: str, odd: Mapping[str, Sequence[Flag]]) -> None:
    """Each answer's flags by its id, instead of those that it has."""
    if odd:
        connection.execute(_UNFLAG, {"ids": [*odd]})
    rows = [
        {"answer_id": answer_id, "code": flag.code, "detail": flag.detail, "comparison_id": comparison_id}
        for answer_id, found in odd.items()
        for flag in found
    ]
    if rows:
        connection.execute(_FLAG, rows)


def _flag_kept(connection: Connection, comparison_id: str) -> None:
    """Flags the lanes of a comparison that has ended, from what is kept of them."""
    rows = answers_of(connection, [comparison_id])[comparison_id]
    bodies = prompts_of(connection, {row.prompt_id for row in rows})
    events = recordings(connection, [row.id for row in rows])
    asked = [(lanes.restored(row), bodies[row.prompt_id]) for row in rows]
    try:
        odd = flagged(asked, [fold(events[row.id]) for row in rows])
    except Exception:  # a mistake in there must neither take an answer its end nor keep the app from starting
        log.exception("comparison %s is kept without flags", comparison_id)
        return
    _flag(connection, comparison_id, {row.id: found for row, found in zip(rows, odd, strict=True)})
