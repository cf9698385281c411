"""Things that were typed rather than written: addresses, handles, tags, telephone numbers, files.

Knows: their patterns, and that a dot is said "dot" inside them.
Refuses to know: whether an address exists.
"""

import re

from voxhaus.models.text.normalise import numerals as n
from voxhaus.models.text.normalise.spoken import Reading, Rule, Scene, say

_SIGNS = {".": "dot", "/": "slash", "-": "dash", "_": "underscore", "@": "at", ":": "colon",
          "?": "question mark", "=": "equals", "&": "and", "#": "hash", "%": "percent", "+": "plus",
          "~": "tilde", "\\": "backslash"}  # fmt: skip
_SPELLED = frozenset(
    "uk us eu tv ai io co me fm de fr es it jp cn ca au nz ch nl se no dk www".split()
)
_FILE_ENDS = frozenset(
    """pdf txt doc docx xls xlsx csv tsv json xml html htm css js ts py md png jpg jpeg gif
svg mp3 mp4 wav flac ogg zip gz tar exe dll onnx yaml yml toml ini log sh c h cpp rs go java rb php sql
ppt pptx""".split()
)
_SAID_ENDS = frozenset("doc tar zip log go java ini toml gif".split())
_DOMAIN_ENDS = """com org net edu gov mil int info biz io ai app dev co tv me fm uk us eu de fr es it nl be
ch at se no dk fi pl pt ie in cn jp kr ru br mx ca au nz za news blog shop store online tech cloud xyz""".split()
_TOP = "|".join(_DOMAIN_ENDS)
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def camel(text: str) -> list[str]:
    """ "ClimateChange2024" -> ["Climate", "Change", "2024"]."""
    return _CAMEL.findall(text)


def _name(text: str) -> str:
    """A label of an address: words if it looks like words, digits and capitals as such."""
    parts = []
    for piece in camel(text) or [text]:
        if piece.isdecimal():
            parts.append(n.year(int(piece)) if re.fullmatch(r"(19|20)\d\d", piece)
                         else n.decimal(piece) if len(piece) < 5 else n.digits(piece))  # fmt: skip
        elif piece.lower() in _SPELLED or (piece.isupper() and len(piece) < 4) or _unsayable(piece):
            parts.append(f"{{{piece.upper()}}}")
        else:
            parts.append(piece)
    return " ".join(parts)


def _unsayable(text: str) -> bool:
    return len(text) == 1 or (len(text) < 6 and not re.search(r"[aeiouy]", text, re.I))


def spelled_address(text: str) -> str:
    """Every part of an address, with its signs named."""
    parts = []
    for piece in re.findall(r"[^\W_]+|[\W_]", text):
        if piece[0].isalnum():
            parts.append(_name(piece) if piece.isascii() else piece)
        elif piece in _SIGNS:
            parts.append(_SIGNS[piece])
    return " ".join(parts)


def _url(m: re.Match[str], scene: Scene) -> Reading | None:
    """The host, and the path when it is short; nobody listens to the query of a link."""
    host, path = m["host"], (m["path"] or "").rstrip("/")
    host = re.sub(r"^www\.", "", host)
    said = spelled_address(host)
    path = re.split(r"[?#]", path)[0]
    if path and len(path) <= 30:
        said += f" {spelled_address(path)}"
    return say(said)


def _email(m: re.Match[str], scene: Scene) -> Reading | None:
    return say(spelled_address(m[0]))


def _hashtag(m: re.Match[str], scene: Scene) -> Reading | None:
    return say(f"hashtag {' '.join(_name(p) for p in m['name'].split('_') if p)}")


def _handle(m: re.Match[str], scene: Scene) -> Reading | None:
    return say(f"at {spelled_address(m['name'])}")


def _file(m: re.Match[str], scene: Scene) -> Reading | None:
    stem, _, end = m[0].rpartition(".")
    if end.lower() not in _FILE_ENDS:
        return None
    said_end = end if end.lower() in _SAID_ENDS else f"{{{end.upper()}}}"
    if end.lower().startswith("mp"):
        said_end = f"{{MP}} {n.cardinal(int(end[2:]))}"
    return say(f"{spelled_address(stem)} dot {said_end}")


def _path(m: re.Match[str], scene: Scene) -> Reading | None:
    return say(spelled_address(m[0].rstrip("/")))


def _groups(text: str, scene: Scene) -> str:
    """Telephone digits, with a short pause between groups."""
    zero = "oh" if scene.accent == "gb" else "zero"
    groups = [n.digits(g, zero) for g in re.findall(r"\d+", text)]
    return " , ".join(groups)


def _phone(m: re.Match[str], scene: Scene) -> Reading | None:
    text, plus = m[0], "plus " if m[0].startswith("+") else ""
    text = re.sub(r"\b(?:x|ext\.?)\s?(?=\d)", " extension ", text)
    main, _, extension = text.partition(" extension ")
    if re.match(r"\+?1[-. ]800\b", main):
        main = re.sub(r"800", "", main, count=1)
        said = f"{plus}one eight hundred , {_groups(main[main.index('1') + 1 :], scene)}"
    else:
        said = plus + _groups(main, scene)
    if extension:
        said += f" , extension {n.digits(extension)}"
    return say(said)


def _vanity(m: re.Match[str], scene: Scene) -> Reading | None:
    return say(f"one eight hundred , {m['name'].lower().replace('-', ' ')}")


def _code(m: re.Match[str], scene: Scene) -> Reading | None:
    """Three or more groups of digits: serial numbers, card numbers, ISBN."""
    return say(_groups(m[0], scene))


def _version(m: re.Match[str], scene: Scene) -> Reading | None:
    text = m["number"]
    parts = text.split(".")
    said = " point ".join(n.decimal(p) if len(p) < 4 else n.digits(p) for p in parts)
    if len(parts) == 4 and all(p.isdecimal() and int(p) < 256 for p in parts):
        said = " dot ".join(n.digits(p) for p in parts)
    return say(f"version {said}" if m["v"] else said)


_EDGE = r"(?<![\w@.-])"

RULES: list[Rule] = [
    (
        re.compile(
            rf"{_EDGE}(?:https?|ftp)://(?:[^\s/@]+@)?(?P<host>[\w.-]+)(?::\d+)?"
            r"(?P<path>/[^\s<>\"”)\]}]*?)?(?=[.,;:!?'\"”)\]}>]*(?:\s|$)|[<>\"”)\]}])",
            re.I,
        ),
        _url,
    ),
    (re.compile(r"(?<![\w.@-])[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}(?!\w)"), _email),
    (
        re.compile(
            rf"{_EDGE}(?P<host>(?:www\.)?(?:[A-Za-z0-9-]+\.)+(?:{_TOP}))(?![\w@]|\.\w)"
            r"(?P<path>/[\w%~+./=&?#-]*[\w/])?"
        ),
        _url,
    ),
    (re.compile(r"(?<![\w&#])#(?P<name>\w*[^\W\d]\w*)"), _hashtag),
    (re.compile(r"(?<![\w@])@(?P<name>\w[\w.]*\w|\w)"), _handle),
    (
        re.compile(
            r"(?<![\w@./-])[A-Za-z0-9_][\w-]*(?:\.[\w-]+)*\.[A-Za-z][A-Za-z0-9]{0,4}(?!\w|\.\w)"
        ),
        _file,
    ),
    (re.compile(r"(?<![\w.])(?:~|\.{1,2})?/(?:[\w.-]+/)+[\w.-]*\w"), _path),
    (re.compile(r"(?<![\w-])1-800-(?P<name>[A-Z][A-Z0-9-]{3,})(?!\w)"), _vanity),
    (
        re.compile(
            r"(?<![\w.+-])(?:\+\d{1,3}[-. ]?)?\(\d{2,5}\)[-. ]?\d{2,4}(?:[-. ]\d{2,5})*"
            r"(?:,? (?:x|ext\.?)\s?\d{1,6})?(?![\w-])"
        ),
        _phone,
    ),
    (re.compile(r"(?<![\w.+-])\+\d{1,3}(?:[-. ]?\d{2,5}){2,5}(?![\w-])"), _phone),
    (
        re.compile(
            r"(?<![\w.+$£€-])(?:1[-. ])?\d{3}[-.]\d{3}[-.]\d{4}(?:,? (?:x|ext\.?)\s?\d{1,6})?(?![\w-]|\.\d)"
        ),
        _phone,
    ),
    (re.compile(r"(?<![\w.+$£€,-])\d{3}-\d{4}(?![\w-]|\.\d)"), _phone),
    (re.compile(r"(?<![\w.+$£€,-])0\d{2,4} \d{3,4}(?: \d{3,4})?(?![\w-]|\.\d)"), _phone),
    (re.compile(r"(?<![\w.+$£€,-])\d+(?:-\d+){2,}(?![\w-]|\.\d)"), _code),
    (re.compile(r"(?<![\w.])(?P<v>[vV]\.?)(?P<number>\d+(?:\.\d+)*)(?![\w.]\w)"), _version),
    (re.compile(r"(?<![\w.,$£€-])(?P<v>)(?P<number>\d+(?:\.\d+){2,})(?!\w|[,.]\d)"), _version),
]
