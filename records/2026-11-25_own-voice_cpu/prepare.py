"""The Debian package asterisk-core-sounds-en-wav as a folder that `voxhaus train voice own` reads.

    apt-get download asterisk-core-sounds-en-wav asterisk-core-sounds-en
    for f in *.deb; do dpkg -x "$f" unpacked; done
    python prepare.py unpacked recordings

568 prompts of a telephone system, 8 kHz, read by Allison Smith (CC BY-SA 3.0). Taken are those of
1.5 to 22 seconds whose text is said as it is written.
"""

import gzip
import re
import shutil
import sys
from pathlib import Path

import soundfile

SHORTEST, LONGEST = 1.5, 22.0


def texts(unpacked: Path) -> dict[str, str]:
    """Text of every prompt by name; what stands in brackets is not said."""
    table = gzip.decompress(next(unpacked.rglob("core-sounds-en.txt.gz")).read_bytes())
    lines = table.decode("utf-8", errors="replace").splitlines()
    found = (re.match(r"([^;:\s]+):\s*(\S.*)", line) for line in lines)
    return {m[1]: m[2].strip(" .") + "." for m in found if m and m[2][0] not in "[("}


def main(unpacked: Path, out: Path) -> None:
    """Write metadata.csv and wavs/ into `out`."""
    root = next(unpacked.rglob("en_US_f_Allison"))
    (out / "wavs").mkdir(parents=True, exist_ok=True)
    lines, seconds = [], 0.0
    for name, text in sorted(texts(unpacked).items()):
        path = root / f"{name}.wav"
        if not path.is_file() or not SHORTEST <= soundfile.info(path).duration <= LONGEST:
            continue
        flat = name.replace("/", "_")
        shutil.copyfile(path, out / "wavs" / f"{flat}.wav")
        lines.append(f"{flat}|{re.sub(r'[.][.][.]+', ', ', text).strip(' ,')}")
        seconds += soundfile.info(path).duration
    (out / "metadata.csv").write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{len(lines)} recordings, {seconds / 60:.1f} minutes")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
