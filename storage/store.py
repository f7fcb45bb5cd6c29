"""What the other rooms use to remember and to look up. Writes go through the one writer, reads run in threads."""

import asyncio
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from backends.answer import Answer
from backends.check.result import Check
from backends.events import Stamped
from backends.flags import Flag
from backends.lane import Lane
from backends.prompt import Prompt
from backends.runner import Entry
from storage import (
    changes,
    checks,
    efforts,
    laps,
    logouts,
    measurements,
    presets,
    queries,
    queue,
    replicas,
    search,
    shipped,
    showing,
    unfinished,
)
from storage.checks import Brief
from storage.comparison import (
    EVERYTHING,
    NONE_KEPT,
    Answered,
    Comparison,
    Earlier,
    Filter,
    Page,
    Place,
    Question,
    Rating,
)
from storage.database import DEFAULT_URL, Database, images_beside
from storage.errors import TROUBLE, StorageError, explained
from storage.images import ImageStore
from storage.imports.kept import Kept
from storage.imports.own import Bringing
from storage.laps import Lap
from storage.measurements import Body, Ending, Measurement
from storage.plan import Plan
from storage.presets import Preset
from storage.queue import Progress
from storage.ratings import Judgement
from storage.rubric import DEFAULT, Rubric, load
from storage.showing import Showing
from storage.unfinished import Partial

T = TypeVar("T")

OPENLY = Plan()
AT_ONCE = 16  # comparisons imported in one commit


class Store:
    def __init__(self, database: Database, images: ImageStore, rubric: Rubric) -> None:
        self.images, self.rubric = images, rubric
        self._database = database
        self._replica = uuid.uuid4().hex

    @classmethod
    def open(cls, url: str = DEFAULT_URL, images: str = "", rubric: Rubric | None = None) -> "Store":
        """Creates and migrates what is missing, and marks what a crash left open as interrupted. Blocking.

        `images` is the address of where they are kept, beside the database unless given; `rubric` the project's own
        unless given. Raises StorageError.
        """
        kept = ImageStore(images or images_beside(url))
        database = Database(url)
        try:
            store = cls(database, kept, rubric or load(DEFAULT))
            database.writer.submit(store._join).result()
        except BaseException:
            database.close()
            raise
        return store

    @property
    def engine(self) -> Engine:
        """For the exports, which read in their own thread and for long."""
        return self._database.exports

    @property
    def shared(self) -> bool:
        """May other apps run comparisons in this database? Then it wants `beat` every so often."""
        return self._database.shared

    @property
    def waiting(self) -> int:
        """Writes that nobody has begun."""
        return self._database.writer.waiting

    def close(self) -> None:
        """Writes what is waiting, then lets go of the database. Blocking."""
        with suppress(StorageError):  # a server that is gone will miss the sign of life
            self._database.writer.submit(lambda connection: replicas.leave(connection, self._replica)).result()
        self._database.close()

    def _join(self, connection: Connection) -> None:
        replicas.join(connection, self._replica, alone=not self.shared)
        self._interrupt(connection)

    def _interrupt(self, connection: Connection) -> None:
        """Ends what apps had begun that are gone."""
        changes.interrupt(connection)
        measurements.interrupt(connection)
        unfinished.interrupt(connection)

    async def beat(self) -> None:
        """Tells the other apps that this one is here, and ends what those that are gone had begun."""

        def beat(connection: Connection) -> None:
            replicas.beat(connection, self._replica)
            self._interrupt(connection)

        await self._write(beat)

    def ship(self) -> None:
        """Puts the project's own recordings where nothing was asked yet. Blocking. Raises StorageError."""
        self._database.writer.submit(lambda connection: shipped.ship(connection, self.images)).result()

    def bring(
        self, kept: Iterable[tuple[str, Kept]], overlap: int = 0, done: Callable[[int], None] = lambda _: None
    ) -> Bringing:
        """Imports comparisons, each with the place where it stands; `overlap` ratings of each new one are asked for.

        What stands before one that is wrong stays imported. Blocking. Raises TransferError, StorageError.
        """
        bringing, kept = Bringing(self.images, overlap), iter(kept)
        while some := list(islice(kept, AT_ONCE)):
            if problem := self._database.writer.submit(partial(bringing.some, some)).result():
                raise problem
            done(len(some))
        self._database.writer.submit(bringing.finish).result()
        return bringing

    def bring_checks(self, found: Iterable[Check]) -> int:
        """Imports checks of backends; how many were not kept already. Blocking. Raises StorageError."""
        return sum([self._database.writer.submit(partial(checks.keep, check=each)).result() for each in found])

    async def create(
        self,
        prompt: Prompt,
        asked: Sequence[tuple[Lane, Prompt]],
        plan: Plan = OPENLY,
        maker: str = "",
        follows: str | None = None,
        kept: Mapping[int, Place] = NONE_KEPT,
        remakes: str | None = None,
    ) -> str:
        """A new comparison, committed on return, with its showing to its maker. Its id. Raises StorageError.

        The positions in `kept` have the settings and the prompt of the answers there, whatever is `asked`.
        """
        return await self._write(
            lambda connection: changes.create(
                connection, prompt, asked, plan, maker, follows, kept, remakes, self._replica
            )
        )

    async def earlier(self, place: Place) -> Earlier:
        """An answer that is over, to be taken over. Raises StorageError."""
        return await self._read(lambda connection: queries.earlier(connection, place))

    async def show(self, comparison_id: str, viewer: str, *, blind: bool = False) -> Showing | None:
        """How this viewer sees it, decided once and kept: where it can still be, as `blind` asks. None where there is
        none. Raises StorageError."""
        kept = await self._read(lambda connection: showing.found(connection, comparison_id, viewer))
        return kept or await self._write(
            lambda connection: showing.begin(connection, comparison_id, viewer, blind=blind)
        )

    async def reveal(self, comparison_id: str, viewer: str, by: str) -> None:
        """Ends the blindness for this viewer, by `rating` or by `choice`. Raises StorageError."""
        await self._write(lambda connection: showing.reveal(connection, comparison_id, viewer, by))

    async def append(
        self,
        comparison_id: str,
        started: datetime,
        entries: Sequence[Entry],
        ended: Mapping[int, Answer],
        flags: Sequence[Sequence[Flag]] = (),
    ) -> None:
        """Adds to the lanes' recordings, whose times count from `started`; keeps what the lanes that `ended` fold into,
        and once all of them have, each lane's `flags`.

        Raises StorageError.
        """
        await self._write(lambda connection: changes.append(connection, comparison_id, started, entries, ended, flags))

    async def abandon(self, comparison_id: str, started: datetime, entries: Sequence[Entry]) -> None:
        """Ends a run that `append` can't take: with what can be recorded of it, and a failure. Raises StorageError."""
        await self._write(lambda connection: changes.abandon(connection, comparison_id, started, entries))

    async def rate(
        self, comparison_id: str, evaluator: str, judgement: Judgement, seen: Showing | None = None
    ) -> Rating:
        """Superseding this evaluator's earlier rating. Where `seen` is sealed it is blind, and takes it on to its next
        step: where that is the reasoning, only this is judged then. Raises RatingError, StorageError.
        """
        return await self._write(
            lambda connection: changes.rate(connection, self.rubric, comparison_id, evaluator, judgement, seen)
        )

    async def enqueue(self, comparison_ids: Collection[str], overlap: int) -> None:
        """Asks for `overlap` ratings of each by others than its maker; 0 takes it back. Raises RatingError."""
        await self._write(lambda connection: queue.enqueue(connection, comparison_ids, overlap))

    async def next_item(self, viewer: str, evaluator: str, after: str = "") -> str | None:
        """The comparison to rate next, other than `after`, kept for this evaluator; None where none waits for them."""
        now = datetime.now(UTC)
        return await self._write(lambda connection: queue.reserve(connection, viewer, evaluator, after, now))

    async def hold(self, viewer: str, comparison_ids: Collection[str]) -> None:
        """Keeps what was reserved for longer."""
        await self._write(lambda connection: queue.hold(connection, viewer, comparison_ids, datetime.now(UTC)))

    async def release(self, viewer: str, comparison_ids: Collection[str]) -> None:
        """Gives back what was reserved."""
        await self._write(lambda connection: queue.release(connection, viewer, comparison_ids))

    async def progress(self, viewer: str, evaluator: str) -> Progress:
        return await self._read(lambda connection: queue.progress(connection, viewer, evaluator, datetime.now(UTC)))

    async def read(self, comparison_id: str) -> Comparison | None:
        """All of it, with recordings and images' bytes; to show it, the next three are lighter."""
        return await self._read(lambda connection: queries.comparison(connection, self.images, comparison_id))

    async def question(self, comparison_id: str) -> Question | None:
        return await self._read(lambda connection: queries.question(connection, comparison_id))

    async def answered(self, comparison_id: str) -> tuple[Answered, ...]:
        """Each lane and what it has said as far as it is stored, in the order shown; () where there is none."""
        return await self._read(lambda connection: queries.answered(connection, comparison_id))

    async def laps(self, comparison_id: str) -> tuple[Lap, ...]:
        """When each lane began, spoke and ended, as a replay counts; () until all have ended."""
        return await self._read(lambda connection: laps.laps(connection, comparison_id))

    async def recordings(self, comparison_id: str) -> tuple[tuple[Stamped, ...], ...]:
        """Every event of every lane, in the order asked."""
        return await self._read(lambda connection: laps.recorded(connection, comparison_id))

    async def welcome(self) -> str:
        """The recording of the project's own to show first, "" as soon as something was asked here."""
        return await self._read(shipped.welcome)

    async def samples(self, comparison_id: str) -> tuple[tuple[Answer, ...], ...]:
        """What each lane said when it was asked again, in the order asked; () where none was."""
        return await self._read(lambda connection: queries.samples(connection, comparison_id))

    async def answer_text(self, comparison_id: str, position: int) -> str | None:
        """To the letter, once its lane is over and stored ("" until then); None where there is no such lane."""
        return await self._read(lambda connection: queries.answer_text(connection, comparison_id, position))

    async def page(
        self, before: int | None = None, limit: int = 50, wanted: Filter = EVERYTHING, viewer: str = ""
    ) -> Page:
        """What this viewer finds, the newest first."""
        return await self._read(lambda connection: search.page(connection, before, limit, wanted, viewer))

    async def found(self, wanted: Filter, viewer: str = "") -> tuple[str, ...]:
        """The ids of all that this viewer finds, the newest first."""
        return await self._read(lambda connection: search.ids(connection, wanted, viewer))

    async def choices(self, viewer: str = "") -> dict[str, tuple[str, ...]]:
        """What a `Filter` can be made of, by the name of its field."""
        return await self._read(lambda connection: search.choices(connection, viewer))

    async def efforts(self, viewer: str = "") -> tuple[efforts.Pair, ...]:
        """What one model answered at both efforts, without what is sealed for this viewer; the newest first."""
        return await self._read(lambda connection: efforts.pairs(connection, viewer))

    async def rated(self) -> int:
        """How many ratings there are. Raises StorageError where the database does not answer."""
        return await self._read(queries.rated)

    async def presets(self) -> tuple[Preset, ...]:
        """Lanes kept under names, by name."""
        return await self._read(presets.kept)

    async def keep_preset(self, name: str, lanes: Sequence[Mapping[str, Any]]) -> Preset:
        """In place of one that had this name. Raises PresetError, StorageError."""
        return await self._write(lambda connection: presets.keep(connection, name, lanes))

    async def drop_preset(self, name: str) -> None:
        await self._write(lambda connection: presets.drop(connection, name))

    async def keep_check(self, check: Check) -> None:
        """Of a backend, beside those before it and in place of an unfinished one. Raises StorageError."""

        def keep(connection: Connection) -> None:
            checks.keep(connection, check)
            unfinished.drop(connection, check.backend)

        await self._write(keep)

    async def keep_unfinished(self, partial: Partial) -> None:
        """As far as the check that runs here has come. Raises StorageError."""
        await self._write(lambda connection: unfinished.keep(connection, partial, self._replica))

    async def unfinished_checks(self) -> dict[str, Partial]:
        """By backend: of checks that run, here or in another app, or ended before their end."""
        return await self._read(unfinished.found)

    async def latest_checks(self) -> dict[str, tuple[Brief, ...]]:
        """By backend: the last one and, where there is one, that before it."""
        return await self._read(checks.latest)

    async def checks_of(self, backend: str, limit: int = 50) -> tuple[Brief, ...]:
        """The newest first."""
        return await self._read(lambda connection: checks.history(connection, backend, limit))

    async def check(self, check_id: str) -> Check | None:
        return await self._read(lambda connection: checks.read(connection, check_id))

    async def begin_measurement(self, kind: str, title: str, maker: str, plan: Body) -> str:
        """A new one that runs here. Its id. Raises StorageError."""
        return await self._write(
            lambda connection: measurements.begin(connection, kind, title, maker, plan, self._replica)
        )

    async def add_samples(self, measurement_id: str, first: int, bodies: Sequence[Body]) -> None:
        """Numbered from `first`; to do it twice adds nothing. Raises RunLost where it has ended, StorageError."""
        await self._write(lambda connection: measurements.append(connection, measurement_id, first, bodies))

    async def end_measurement(self, measurement_id: str, state: Ending, problem: str = "") -> None:
        await self._write(lambda connection: measurements.end(connection, measurement_id, state, problem))

    async def measurements(self, kind: str = "") -> tuple[Measurement, ...]:
        """The newest first."""
        return await self._read(lambda connection: measurements.listed(connection, kind))

    async def measurement(self, measurement_id: str) -> Measurement | None:
        return await self._read(lambda connection: measurements.measurement(connection, measurement_id))

    async def samples_of(self, measurement_id: str) -> tuple[dict[str, Any], ...]:
        """What a measurement has found so far, in the order in which it came."""
        return await self._read(lambda connection: measurements.samples_of(connection, measurement_id))

    async def drop_measurement(self, measurement_id: str) -> None:
        await self._write(lambda connection: measurements.drop(connection, measurement_id))

    async def log_out(self, session: str, until: datetime) -> None:
        """Remembers that this session is over, until it would have been anyway. Raises StorageError."""
        await self._write(lambda connection: logouts.add(connection, session, until))

    async def logouts(self) -> dict[str, datetime]:
        """Sessions that are over, and until when that has to be known."""
        return await self._read(logouts.found)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self._database.writer.submit(work))

    async def _read(self, work: Callable[[Connection], T]) -> T:
        def query() -> T:
            try:
                with self._database.engine.connect() as connection:
                    return work(connection)
            except TROUBLE as error:
                raise explained(error, self._database.name) from error

        return await asyncio.to_thread(query)
