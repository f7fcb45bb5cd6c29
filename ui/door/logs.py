"""How the log is written: plain lines, or one JSON object a line. Each has the id of the request that it is about."""

import io
import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, TextIO

from ui.door.settings import SettingsError

REQUEST: ContextVar[str] = ContextVar("request", default="")

LEVELS = ("debug", "info", "warning", "error")
PLAIN = "%(levelname)s %(name)s: %(message)s"


class About(logging.Filter):
    """Puts the request's id on a record; and what a plain line would leave out, into its words."""

    def __init__(self, plain: bool) -> None:
        super().__init__()
        self._plain = plain

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = REQUEST.get()
        told: dict[str, Any] = getattr(record, "request", None) or getattr(record, "lane", None) or {}
        if self._plain and told:
            words = (f"{name}={value}" for name, value in told.items() if value not in (None, ""))
            record.msg, record.args = f"{record.getMessage()} {' '.join(words)}", None
        return True


class Lines(io.TextIOBase):
    """What libraries print, Gradio its tracebacks for one, as records: else not every line would be JSON."""

    def __init__(self, beneath: TextIO) -> None:
        self._beneath, self._begun, self._writing = beneath, "", False

    def write(self, text: str) -> int:
        if self._writing:  # the log itself has failed
            return self._beneath.write(text)
        *whole, self._begun = (self._begun + text).split("\n")
        self._writing = True
        try:
            for line in filter(str.strip, whole):
                logging.getLogger("stderr").warning("%s", line)
        finally:
            self._writing = False
        return len(text)


def configure(environ: Mapping[str, str]) -> None:
    """LOG_FORMAT is json or plain, LOG_LEVEL one of `LEVELS`. Raises SettingsError."""
    shape, level = environ.get("LOG_FORMAT", ""), environ.get("LOG_LEVEL", "")
    if shape not in ("", "plain", "json"):
        raise SettingsError(f"LOG_FORMAT must be json or plain, not {shape!r}.")
    level = level.lower() or ("info" if shape == "json" else "warning")
    if level not in LEVELS:
        raise SettingsError(f"LOG_LEVEL must be one of {', '.join(LEVELS)}, not {level!r}.")
    handler = logging.StreamHandler()
    handler.addFilter(About(plain=shape != "json"))
    if shape == "json":
        from pythonjsonlogger.json import JsonFormatter

        words = "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s"
        names = {"asctime": "time", "levelname": "level", "name": "logger"}
        sys.stderr = Lines(sys.stderr)  # the handler has the one beneath
        handler.setFormatter(JsonFormatter(words, rename_fields=names, datefmt="%Y-%m-%dT%H:%M:%S%z"))
    else:
        handler.setFormatter(logging.Formatter(PLAIN))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for own in ("lanewise", "ui", "storage", "backends", "suites"):
        logging.getLogger(own).setLevel(level.upper())
