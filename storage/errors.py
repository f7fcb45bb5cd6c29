"""What goes wrong while remembering, in words that say what to do."""

from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError

TROUBLE = (DBAPIError, TimeoutError)  # what `explained` explains


class StorageError(Exception):
    """The database or a folder can't be used. `str(error)` is for a person."""


class InUse(StorageError):
    """An app has the database."""


class RunLost(Exception):
    """What a run says is not kept any more: this app was taken for gone, or somebody deleted the comparison."""


class ImageError(ValueError):
    """These bytes are no picture that a lane may see. `str(error)` is for a person."""


class TransferError(ValueError):
    """What a file has can't be imported. `str(error)` says where and why, for a person."""


class RubricError(ValueError):
    """This file is no rubric. `str(error)` is for a person."""


class RatingError(ValueError):
    """This is no judgement of that comparison. `str(error)` is for a person."""


class PresetError(ValueError):
    """These lanes can't be kept under this name. `str(error)` is for a person."""


_ADVICE = {  # by the beginning of what the driver calls the error: SQLite's names, PostgreSQL's codes
    "SQLITE_FULL": "The disk is full: make room; what is waiting is then stored by itself.",
    "SQLITE_IOERR": "The disk refuses to read or write (is it full, or gone?).",
    "SQLITE_READONLY": "It can't be written: check the rights of the file and its folder.",
    "SQLITE_CANTOPEN": "It can't be opened: check that it is a file in a folder that you may write to.",
    "SQLITE_NOTADB": "This file is no SQLite database: move it away, or name another one in DATABASE_URL.",
    "SQLITE_CORRUPT": "The database is damaged: stop the app and restore a backup.",
    "SQLITE_BUSY": "Another program holds it: close that program, then try again.",
    "08": "The server can't be reached: check that it runs and what DATABASE_URL says.",
    "25006": "It can't be written: the server is read-only, perhaps a standby.",
    "28": "The server refuses this user or password: check DATABASE_URL.",
    "3D000": "The server has no such database: create it, or name another one in DATABASE_URL.",
    "42501": "This user may not do that: give it the rights to create and change tables.",
    "53100": "The server's disk is full: make room; what is waiting is then stored by itself.",
    "53": "The server has no room or connections left: try again in a moment.",
    "57": "The server is shutting down or starting: it is tried again.",
}


def explained(error: DBAPIError | TimeoutError, database: str | None) -> StorageError:
    """The driver's or the pool's error in words for a person."""
    if isinstance(error, TimeoutError):
        return StorageError(f"Database {database}: It is busy: try again in a moment.")
    name = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None) or ""
    if not name and isinstance(error, OperationalError):  # of what keeps it from connecting, libpq gives words only
        said = str(error.orig)
        missing = "database" in said and "does not exist" in said
        name = "3D000" if missing else "28" if "authentication" in said else "08"
    advice = next((advice for code, advice in _ADVICE.items() if name.startswith(code)), f"It failed: {error.orig}.")
    return StorageError(f"Database {database}: {advice}")
