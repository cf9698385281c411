"""Written text to the words that are said for it.

Knows: the steps. `markdown.silence` takes notation out, `scanner.read` reads a sentence token by
token with the rules of the other modules.
Refuses to know: sentence ends, pronunciation, markup.

Public: `normalise`, `read`, `silence`, the records `Token`, `Spoken`, `Kind`, and `SILENT`.
"""

from voxhaus.models.text.normalise.markdown import silence
from voxhaus.models.text.normalise.scanner import read
from voxhaus.models.text.normalise.spoken import SILENT, Kind, Spoken, Token

__all__ = ["SILENT", "Kind", "Spoken", "Token", "normalise", "read", "silence"]


def normalise(text: str, accent: str = "us") -> str:
    """What is said for one sentence, in words: "$5" -> "five dollars". For tests and for curious.

    Letters that are spelled stand apart in capitals ("F B I"); marks stand as they are.
    """
    said = ""
    for token in read(silence(text), accent):
        for i, piece in enumerate(token.spoken):
            shown = piece.text
            if piece.kind is Kind.LETTERS:
                shown = " ".join(c if c.isupper() else f"'{c}" for c in piece.text).replace(
                    " 's", "'s"
                )
            glue = piece.kind is Kind.MARK and (piece.text not in "“(—" or not token.spaced)
            opened = said.endswith(("“", "(")) or (i == 0 and not token.spaced and not piece.glued
                                                   and said and said[-1] in "—")  # fmt: skip
            space = "" if glue or opened or piece.glued or not said else " "
            said += ("-" if piece.glued else space) + shown
    return said.strip()
