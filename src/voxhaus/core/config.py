"""The user's configuration file, voxhaus.toml.

Knows: where it lies, that it is TOML, and which tables it may have.
Refuses to know: what is in a table; each room checks its own.
"""

import tomllib
from typing import Any

from voxhaus.core.errors import InputError
from voxhaus.core.paths import config_file

TABLES = ("briefing",)


def read_table(name: str) -> dict[str, Any]:
    """One table of the configuration; empty when the file or the table is not there.

    Raises:
        InputError: the file cannot be read, is no TOML, or has a table that nothing reads.
    """
    path = config_file()
    try:
        read = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", param="config") from error
    except ValueError as error:  # UnicodeDecodeError and TOMLDecodeError are both
        raise InputError(f"{path} is not valid TOML: {error}", param="config") from error
    if unknown := sorted(set(read) - set(TABLES)):
        known = ", ".join(f"[{t}]" for t in TABLES)
        raise InputError(f"{path}: nothing reads '{unknown[0]}'; there is {known}.", param="config")
    table = read.get(name, {})
    if not isinstance(table, dict):
        raise InputError(f"{path}: [{name}] must be a table.", param="config")
    return table
