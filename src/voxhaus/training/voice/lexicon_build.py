"""Packs the pronouncing dictionaries that the text front end reads.

Knows: misaki's dictionary files (Apache-2.0; "gold" is hand-checked, "silver" machine-made), the
`emoji` package's names, and the packed formats of `models/text`.
Refuses to know: how a word is looked up at run time.

Recipe, from the root of a clone; both packages are needed only here:

    pip install emoji==2.16.0
    pip download misaki==0.9.4 --no-deps && unzip misaki-*.whl 'misaki/data/*'
    python -m voxhaus.training.voice.lexicon_build misaki/data
"""

import argparse
import json
from pathlib import Path

from voxhaus.models.text.lexicon import ACCENTS, DATA
from voxhaus.models.text.packed import pack

Entry = str | dict[str, str | None]


def read_source(folder: Path, accent: str, grade: str) -> dict[str, Entry]:
    """One of misaki's dictionaries: spelling -> phonemes, or part of speech -> phonemes."""
    with (folder / f"{accent}_{grade}.json").open(encoding="utf-8") as file:
        entries: dict[str, Entry] = json.load(file)
    return entries


def _line(entry: Entry, silver: bool) -> str:
    """A dictionary value as it stands in the packed file; see `models/text/lexicon.py`."""
    if isinstance(entry, str):
        return ("~" if silver else "") + entry.replace("ɾ", "T").replace("ʔ", "t")
    senses = (f"{tag}={said or ''}" for tag, said in entry.items())
    return "|".join(senses).replace("ɾ", "T").replace("ʔ", "t")


def merged(folder: Path, accent: str) -> dict[str, str]:
    """Spelling -> packed value, silver entries marked and hidden behind gold ones."""
    lines = {w: _line(e, True) for w, e in read_source(folder, accent, "silver").items()}
    lines |= {w: _line(e, False) for w, e in read_source(folder, accent, "gold").items()}
    return lines


def emoji_names() -> dict[str, str]:
    """Emoji without presentation selectors and skin tones -> short name (Unicode CLDR's).

    Needs the package `emoji` (BSD).
    """
    from emoji import EMOJI_DATA

    names = {}
    for sign, facts in EMOJI_DATA.items():
        name = facts["en"].strip(":").replace("_", " ").replace("’", "'")
        if "skin tone" not in name:
            bare = sign.replace("\ufe0f", "").replace("\ufe0e", "")
            names[bare] = name.replace("&", "and").replace("“", "").replace("”", "")
    return names


def main() -> None:
    """Write `lexicon_us.bin`, `lexicon_gb.bin` and `emoji.bin`."""
    parser = argparse.ArgumentParser(description="Pack the dictionaries of the text front end.")
    parser.add_argument("folder", type=Path, help="misaki's data folder")
    parser.add_argument("--out", type=Path, default=DATA)
    options = parser.parse_args()
    for accent in ACCENTS:
        lines = merged(options.folder, accent)
        path = options.out / f"lexicon_{accent}.bin"
        path.write_bytes(pack(lines))
        print(f"{path.name}: {len(lines)} words, {path.stat().st_size / 1e6:.2f} MB")
    names = emoji_names()
    (options.out / "emoji.bin").write_bytes(pack(names))
    print(f"emoji.bin: {len(names)} names")


if __name__ == "__main__":
    main()
