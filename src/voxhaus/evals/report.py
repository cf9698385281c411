"""Figures as text, and tables of them in Markdown.

Knows: rounding and alignment. Refuses to know: what the figures mean.
"""

import math
from collections.abc import Sequence

Cell = str | float | int | None


def shown(value: Cell, digits: int = 3) -> str:
    """A cell as text: a dash for what is missing, `digits` decimals for fractions."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table; all columns but the first are right-aligned."""
    lines = ["| " + " | ".join(columns) + " |"]
    lines.append("|" + "|".join("---" if i == 0 else "---:" for i in range(len(columns))) + "|")
    lines += ["| " + " | ".join(map(shown, row)) + " |" for row in rows]
    return "\n".join(lines)
