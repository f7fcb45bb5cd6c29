"""Exports over HTTP: streamed to a program that asks, or made in the background for the History tab to download."""

import logging
import secrets
import shutil
import tempfile
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel, Field

from storage.comparison import Filter
from storage.errors import StorageError
from storage.exports import VIEWS, export
from storage.exports.archive import archive
from storage.exports.card import card
from storage.exports.items import Scope, count, page_end
from storage.exports.view import Left, View
from storage.rubric import Rubric
from storage.store import Store
from ui import asking, history, viewer

log = logging.getLogger(__name__)

KEPT = 2 * 3600  # seconds that a file waits to be downloaded
PREFIX = "lanewise-exports-"  # of the folder of such files: each app has one


class Stopped(Exception):
    """Nobody wants the export any more."""


@dataclass(slots=True)
class Job:
    """An export that is made for one viewer: its thread writes here, everybody else reads."""

    id: str
    viewer: str
    view: View
    path: Path
    state: Literal["running", "ready", "stopped", "failed"] = "running"
    read: int = 0
    total: int | None = None  # until they are counted
    left: Left = field(default_factory=Left)
    problem: str = ""
    unwanted: bool = False

    def told(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "view": self.view.name,
            "state": self.state,
            "read": self.read,
            "total": self.total,
            "written": self.left.written,
            "out": {why: many for why, many in self.left.out.items() if many},
            "problem": self.problem,
            "bytes": self.path.stat().st_size if self.state == "ready" and self.path.exists() else 0,
        }


class Jobs:
    """At most one for each viewer: who begins another gives up the one before."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._jobs: dict[str, Job] = {}
        self._folder: Path | None = None
        sweep()

    def start(self, who: str, view: View, scope: Scope, images: bool) -> Job:
        if old := self.of(who):
            self.drop(old)
        self._folder = self._folder or Path(tempfile.mkdtemp(prefix=PREFIX))
        name = secrets.token_hex(16)
        job = self._jobs[name] = Job(name, who, view, self._folder / f"{name}.zip")
        threading.Thread(target=self._make, args=(job, scope, images), name="export", daemon=True).start()
        return job

    def of(self, who: str) -> Job | None:
        return next((job for job in self._jobs.values() if job.viewer == who), None)

    def drop(self, job: Job) -> None:
        """Stops it where it still runs, and takes its file away."""
        job.unwanted = True
        self._jobs.pop(job.id, None)
        job.path.unlink(missing_ok=True)

    def close(self) -> None:
        for job in list(self._jobs.values()):
            self.drop(job)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _make(self, job: Job, scope: Scope, images: bool) -> None:
        def done(read: int) -> None:
            job.read = read
            if job.unwanted:
                raise Stopped

        engine, files = self._store.engine, self._store.images if images else None
        try:
            job.total = count(engine, scope)
            job.left = archive(job.view, engine, scope, files, job.path, done)
            done(job.left.read)
            job.state = "ready"
        except Stopped:
            job.path.unlink(missing_ok=True)
            job.state = "stopped"
        except StorageError as error:
            job.problem, job.state = str(error), "failed"
        except Exception:  # a thread ends here: whoever waits must learn of it
            log.exception("an export as %s failed", job.view.name)
            job.problem, job.state = "The export failed: the app's log says why.", "failed"
        later = threading.Timer(KEPT, self.drop, (job,))
        later.daemon = True
        later.start()


def sweep() -> None:
    """Takes away what apps have left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            touched = max(each.stat().st_mtime for each in (folder, *folder.iterdir()))
            if time.time() - touched > KEPT:
                shutil.rmtree(folder)


class Asked(BaseModel, extra="forbid"):
    """Which comparisons, by the names of the History's address, and what of them. Without a zone, moments are UTC."""

    q: str = ""
    backend: str = ""
    artifact: str = ""
    effort: str = ""
    flag: str = ""
    by: str = ""
    tag: str = ""
    rated: str = ""
    origin: str = ""
    since: datetime | None = None
    until: datetime | None = None
    demo: bool = False
    reasoning: bool = True
    names: bool = False
    images: bool = True
    after: int | None = None
    limit: Annotated[int, Field(ge=1)] | None = None

    def scope(self, who: str, rubric: Rubric) -> Scope:
        texts = {field: asking.clean(getattr(self, name)) for name, field in history.FIELDS.items()}
        return Scope(
            wanted=Filter(**texts, since=_zoned(self.since), before=_zoned(self.until)),
            viewer=who,
            after=self.after,
            limit=self.limit,
            demo=self.demo,
            reasoning=self.reasoning,
            names=self.names,
            rubric=rubric,
        )


class Wanted(Asked):
    """What the History tab asks for."""

    view: str


def _zoned(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and not moment.tzinfo else moment


def routes(store: Store, jobs: Jobs) -> APIRouter:
    router = APIRouter()

    @router.get("/export/{view}")
    def stream(view: str, asked: Annotated[Asked, Query()], request: Request) -> StreamingResponse:
        """The whole file as it is read. With a `limit`, a header `Link` has where it goes on."""
        shape, scope, headers = found(view), asked.scope(viewer.who(request), store.rubric), {}
        if (end := page_end(store.engine, scope)) is not None:
            scope = replace(scope, limit=None, through=end)
            headers["link"] = f'<?{request.url.include_query_params(after=end).query}>; rel="next"'
        parts = export(shape, store.engine, scope, store.images if asked.images else None)
        headers["content-disposition"] = f'attachment; filename="lanewise-{shape.name}{shape.suffix}"'
        return StreamingResponse(parts, media_type=shape.media_type, headers=headers)

    @router.get("/export/{view}/card")
    def about(view: str, asked: Annotated[Asked, Query()], request: Request) -> PlainTextResponse:
        """The data card of the same export, for which all of it is read."""
        shape, scope, left = found(view), asked.scope(viewer.who(request), store.rubric), Left()
        deque(export(shape, store.engine, scope, store.images if asked.images else None, left), maxlen=0)
        return PlainTextResponse(card(shape, scope, left, ""), media_type="text/markdown; charset=utf-8")

    @router.get("/exports")
    def offered(request: Request) -> dict[str, Any]:
        """What can be made, and what is made for this viewer already."""
        views = [{"name": each.name, "about": each.about, "options": each.options} for each in VIEWS.values()]
        job = jobs.of(viewer.who(request))
        return {"views": views, "job": job and job.told()}

    @router.post("/exports")
    def make(wanted: Wanted, request: Request) -> dict[str, Any]:
        scope = wanted.scope(viewer.who(request), store.rubric)
        return jobs.start(viewer.who(request), found(wanted.view), scope, wanted.images).told()

    @router.get("/exports/{job}")
    def status(job: str, request: Request) -> dict[str, Any]:
        return mine(job, request).told()

    @router.post("/exports/{job}/stop")
    def stop(job: str, request: Request) -> None:
        jobs.drop(mine(job, request))

    @router.get("/exports/{job}/file")
    def file(job: str, request: Request) -> FileResponse:
        made = mine(job, request)
        if made.state != "ready":
            raise HTTPException(409, "This export is not ready.")
        return FileResponse(made.path, filename=f"lanewise-{made.view.name}.zip", media_type="application/zip")

    def mine(job: str, request: Request) -> Job:
        made = jobs.of(viewer.who(request))
        if made is None or made.id != job:
            raise HTTPException(404, "This export is gone: begin it again.")
        return made

    return router


def found(view: str) -> View:
    if view not in VIEWS:
        raise HTTPException(404, f"There is no view {view!r}: choose one of {', '.join(VIEWS)}.")
    return VIEWS[view]
