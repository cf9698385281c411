"""Keeping tokens out of logs.

Knows: which paths end in a token.
Refuses to know: what else is logged.
"""

import logging
import re

_TOKEN = re.compile(r"(/access/|/admin/enter/)[A-Za-z0-9_-]{20,}")


def without_tokens(text: str) -> str:
    """A path, or a line with one, whose tokens are left out."""
    return _TOKEN.sub(r"\1...", text)


class WithoutTokens(logging.Filter):
    """For a logger that writes down paths, such as `uvicorn.access`."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without the tokens in it."""
        if isinstance(record.args, tuple):
            record.args = tuple(without_tokens(a) if isinstance(a, str) else a for a in record.args)
        if isinstance(record.msg, str):
            record.msg = without_tokens(record.msg)
        return True
