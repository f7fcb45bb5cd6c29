"""A lock that one app holds on its database; the system lets go of it when the process ends, however it ends."""

import sys
from pathlib import Path

from storage.errors import InUse

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Lock:
    def __init__(self, database: Path) -> None:
        """Takes the lock, or raises InUse where another app has it."""
        # beside the database, not on it: closing any descriptor of the file itself would drop SQLite's own locks
        self._file = open(f"{database}.lock", "a")  # noqa: SIM115 - the lock lasts as long as it is open
        try:
            _take(self._file.fileno())
        except OSError as error:
            self.release()
            raise InUse(
                f"Database {database} is in use by another Lanewise: close that one, or name another database in "
                "DATABASE_URL."
            ) from error

    def release(self) -> None:
        self._file.close()
