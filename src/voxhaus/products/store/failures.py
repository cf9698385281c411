"""What can go wrong in the store, in a sentence.

Knows: what drivers say when disks are full, files locked and servers away.
Refuses to know: what was asked of the database; addresses with passwords never reach a message.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from voxhaus.core.errors import InputError, VoxhausError


class NoSuchError(InputError):
    """There is nothing by that name. Exit status 2."""


class TooLateError(InputError):
    """What is asked about has moved on: decided, picked up, revoked or lapsed. Exit status 2."""


class FullError(InputError):
    """Too much of it is waiting already. Exit status 2."""


class StoreError(VoxhausError):
    """The database did not do what was asked; nothing was half done. Exit status 1."""


SENTENCES = (
    ("disk is full", "The database's disk is full; make room and try again."),
    ("no space left", "The database's disk is full; make room and try again."),
    ("locked", "The database is busy with another program's change; try again."),
    ("not a database", "The database file is damaged, or is not one of SQLite."),
    ("malformed", "The database file is damaged; restore it from a copy."),
    ("unable to open", "The database file cannot be opened; check its folder and its rights."),
    ("readonly", "The database file cannot be written; check its rights."),
    ("disk i/o error", "The database's disk does not read or write as it should."),
    ("authentication failed", "The database refused the user or the password."),
    ("does not exist", "The database server has no such database, user or table."),
    ("connection", "The database server does not answer."),
)


def sentence(error: Exception) -> str:
    """What a person can do about it. Parameters and addresses are left out: they can be secret."""
    said = str(error.orig if isinstance(error, DBAPIError) else error).lower()
    for mark, told in SENTENCES:
        if mark in said:
            return told
    return f"The database failed ({type(error).__name__})."


@contextmanager
def told() -> Iterator[None]:
    """Turn what drivers raise into StoreError."""
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreError("All connections to the database are in use; try again.") from error
    except SQLAlchemyError as error:
        raise StoreError(sentence(error)) from error
