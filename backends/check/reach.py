"""Whether the server can be reached, answers at all, and is of a version that reads its model's answers rightly."""

from collections.abc import Sequence

from backends.caveats import misreads
from backends.check.advice import of_error
from backends.check.probe import Ask, Heard, Probe, Said, Subject, doubtful, failed, passed, question
from backends.status import Reach


def small_talk(subject: Subject) -> Sequence[Ask]:
    return [(subject.lane(max_tokens=1), question("Hi"))]


def reached(subject: Subject, heard: Sequence[Heard]) -> Said:
    status, failure = subject.status, heard[0].answer.failure
    if failure:
        said = "It tells that it is ready, but refuses a small prompt. " if status.reach is Reach.READY else ""
        return failed(said + failure.message, of_error(failure.kind, subject.kind))
    if status.reach is not Reach.READY:
        return doubtful(f"It answers, but does not tell how it is: {status.problem}")
    version = status.server.version
    if subject.is_small_4 and (wrong := misreads(subject.kind, version)):
        return failed(wrong, f"Use a newer {subject.kind.title}.")
    which = f"version {version}" if version else "it tells no version"
    return passed(f"It is ready and answers: {which}.")


REACH = Probe("reach", "reached, and its version", small_talk, reached, takes_failures=True)
