"""One JSON object a line on stderr.

Knows: which fields a line has; that no header, key, text or exception message is ever among them.
Refuses to know: what happened.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

LOGGER = "voxhaus.server"


class JsonLines(logging.Formatter):
    """A record as one line of JSON; `extra={"fields": {...}}` adds fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1]:
            line["exception"] = described(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


def described(error: BaseException) -> dict[str, Any]:
    """An exception by its kind and place; its message may quote what a user wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{f.filename.rpartition('/site-packages/')[2]}:{f.lineno} {f.name}" for f in frames]
    told: dict[str, Any] = {"kind": type(error).__name__, "at": places[-12:]}
    if error.__cause__ is not None:
        told["because"] = described(error.__cause__)
    return told


def configure() -> None:
    """Send the logs of server, orchestrator and uvicorn to stderr as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in ("voxhaus", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)


def get() -> logging.Logger:
    """The server's logger."""
    return logging.getLogger(LOGGER)
