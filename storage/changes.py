"""Every write, as a job for the writer: what is created, appended, ended, rated.

Nothing is overwritten but an end and the flags that come with it.
"""

import logging
import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from math import inf
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

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
from storage.rows import answers_of, grouped, has, prompts_of, ratings_of, recordings, row_of
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
    connection.execute(
        insert(comparisons).values(
            id=comparison_id,
            created_at=now,
            follows_id=follows,
            remakes_id=remakes,
            replica=replica,
            prompt_id=ids[prompt],
            title=prompts.title(prompt),
            maker=maker,
            blind=plan.presentation.blind,
            pace=plan.presentation.pace.value,
            traces=plan.presentation.traces.value,
            schedule=plan.schedule.value,
            warm_up=plan.warm_up,
            samples=plan.samples,
        )
    )
    _ask(connection, comparison_id, [(lane, ids[own]) for lane, own in asked], plan, kept)
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
    for position, (lane, prompt_id) in enumerate([*asked] * plan.samples):
        answer_id = uuid.uuid4().hex
        sample, place = divmod(position, len(asked))
        taken = lanes.copied(row_of(connection, kept[position])) if position in kept else None
        connection.execute(
            insert(answers).values(
                id=answer_id,
                comparison_id=comparison_id,
                position=position,
                sample=sample,
                state=Answer().state.value,
                **(taken or {"prompt_id": prompt_id, "crowded": place in crowded, **lanes.settings(lane)}),
            )
        )
        connection.execute(insert(texts).values(answer_id=answer_id))


def append(
    connection: Connection,
    comparison_id: str,
    started: datetime,
    entries: Sequence[Entry],
    ended: Mapping[int, Answer],
    odd: Sequence[Sequence[Flag]] = (),
) -> None:
    ids = _begun(connection, comparison_id, started)
    for lane, events in grouped(entries).items():
        _record(connection, ids[lane], events)
    for lane, answer in ended.items():
        _end(connection, ids[lane], answer)
    for lane, found in enumerate(odd):
        _flag(connection, comparison_id, ids[lane], found)


def abandon(connection: Connection, comparison_id: str, started: datetime, entries: Sequence[Entry]) -> None:
    """Ends the lanes of a run of which something can't be recorded: the rest of it is, and a failure says so."""
    ids = _begun(connection, comparison_id, started)
    for lane, events in grouped(entries).items():
        whole = [each for each in events if _recordable(each)]
        if len(whole) < len(events):
            whole = [each for each in whole if not isinstance(each.event, Finished | Failed)]
            whole.append(Stamped(events[-1].at, LOST))
        _record(connection, ids[lane], whole)
        _end(connection, ids[lane], fold(recordings(connection, [ids[lane]])[ids[lane]]))
    _flag_kept(connection, comparison_id)


def interrupt(connection: Connection) -> None:
    """Gives every lane an end that has none and is run by no app that is here."""
    lost = comparisons.c.replica.not_in(select(replicas.c.id))
    wanted = select(answers.c.id, answers.c.comparison_id).join(comparisons)
    unended = connection.execute(wanted.where(answers.c.end_us.is_(None), lost)).all()
    for answer_id, _ in unended:
        events = recordings(connection, [answer_id])[answer_id]
        end = Stamped(events[-1].at if events else 0, INTERRUPTED)
        _record(connection, answer_id, [end])
        _end(connection, answer_id, fold([*events, end]))
    for comparison_id in {row.comparison_id for row in unended}:
        _flag_kept(connection, comparison_id)
        connection.execute(update(comparisons).where(comparisons.c.id == comparison_id).values(replica=""))


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
    connection.execute(insert(ratings).values(comparison_id=comparison_id, supersedes_id=row.pop("supersedes"), **row))
    if seen and seen.sealed:
        showing.rated(connection, seen, reasoned=bool(reasoned) and not (judged.skipped or judged.early))
    queue.judged(connection, comparison_id, seen.viewer if seen else "")
    battles.refresh(connection, comparison_id)
    return rating


def _begun(connection: Connection, comparison_id: str, started: datetime) -> dict[int, str]:
    """The answers' ids by position, after storing when the run began. Raises RunLost where the run was given an end."""
    if not connection.scalar(select(comparisons.c.replica).where(comparisons.c.id == comparison_id)):
        raise RunLost(f"comparison {comparison_id} was ended by another app, or is gone")
    unknown = (comparisons.c.id == comparison_id) & comparisons.c.started_at.is_(None)
    connection.execute(update(comparisons).where(unknown).values(started_at=started))
    wanted = select(answers.c.position, answers.c.id).where(answers.c.comparison_id == comparison_id)
    return dict(connection.execute(wanted).all())


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


def _record(connection: Connection, answer_id: str, events: Sequence[Stamped]) -> None:
    chunks = recording_chunks.c
    last: Any = connection.scalar(select(func.max(chunks.seq)).where(chunks.answer_id == answer_id))
    connection.execute(
        insert(recording_chunks).values(
            answer_id=answer_id,
            seq=0 if last is None else last + 1,
            data=zlib.compress(recording.dump(events)),
        )
    )


def _recordable(stamped: Stamped) -> bool:
    try:
        recording.dump([stamped])
    except TypeError:  # half a character, or a number of more than 64 bits
        return False
    return True


def _end(connection: Connection, answer_id: str, answer: Answer) -> None:
    connection.execute(update(answers).where(answers.c.id == answer_id).values(**lanes.outcome(answer)))
    connection.execute(update(texts).where(texts.c.answer_id == answer_id).values(**lanes.words(answer)))


def _flag(connection: Connection, comparison_id: str, answer_id: str, found: Sequence[Flag]) -> None:
    connection.execute(delete(flags).where(flags.c.answer_id == answer_id))
    for flag in found:
        connection.execute(
            insert(flags).values(answer_id=answer_id, code=flag.code, detail=flag.detail, comparison_id=comparison_id)
        )


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
    for row, found in zip(rows, odd, strict=True):
        _flag(connection, comparison_id, row.id, found)
