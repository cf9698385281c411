"""A user's own text: each kind is read, and each unusable one is one sentence."""

import gzip
import json
import sys

import pytest

from voxhaus.core.errors import InputError, MissingExtraError, VoxhausError
from voxhaus.training.data.own_sources import OwnText, open_source

ROWS = [
    {"text": "First text.", "title": "One", "id": "a"},
    {"text": "", "id": "b"},
    {"text": "Second.", "id": "c"},
]


def read(source, tmp_path):
    return [(d.id, d.text, d.source, d.licence) for d in source.documents(tmp_path)]


def test_a_folder_gives_its_texts_and_pages(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.txt").write_text("Plain.")
    (tmp_path / "deep/b.html").write_text("<p>From <b>HTML</b>.</p>")
    (tmp_path / "c.md.gz").write_bytes(gzip.compress(b"Packed."))
    (tmp_path / "d.png").write_bytes(b"\x89PNG\0\0")
    (tmp_path / "e.txt").write_bytes(b"\0\0\0binary")
    source = open_source(str(tmp_path), licence="MIT", name="mine")
    assert source.kind == "folder"
    assert read(source, tmp_path) == [
        ("mine/a.txt", "Plain.", "mine", "MIT"),
        ("mine/c.md.gz", "Packed.", "mine", "MIT"),
        ("mine/deep/b.html", "From HTML.", "mine", "MIT"),
    ]


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_json_lines(tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"
    content = "\n".join(map(json.dumps, ROWS)).encode()
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    source = open_source(str(path), licence="MIT")
    assert read(source, tmp_path) == [
        ("rows/a", "First text.", "rows", "MIT"), ("rows/c", "Second.", "rows", "MIT"),
    ]  # fmt: skip
    assert next(iter(source.documents(tmp_path))).metadata == {"title": "One"}


def test_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
    for place in (tmp_path / "rows.parquet", tmp_path):
        source = open_source(str(place), licence="MIT", name="p")
        assert source.kind == "parquet"
        assert [d.text for d in source.documents(tmp_path)] == ["First text.", "Second."]
    with pytest.raises(InputError, match="no text in the column 'body'; it has: id, title"):
        list(
            open_source(str(tmp_path / "rows.parquet"), licence="MIT", column="body").documents(
                tmp_path
            )
        )
    (tmp_path / "rows.parquet").write_bytes(b"not parquet")
    with pytest.raises(InputError, match="is not a Parquet file"):
        list(open_source(str(tmp_path / "rows.parquet"), licence="MIT").documents(tmp_path))


def test_warc(tmp_path):
    pytest.importorskip("warcio")
    from io import BytesIO

    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    path = tmp_path / "crawl.warc.gz"
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        for name, kind, body in (
            ("1", "text/html; charset=utf-8", "<html><body><p>" + "A page about rivers and mills. " * 20 + "</p></body></html>"),
            ("2", "image/png", "x"),
            ("3", "text/plain", "Only text."),
        ):  # fmt: skip
            head = StatusAndHeaders("200 OK", [("Content-Type", kind)], protocol="HTTP/1.0")
            writer.write_record(
                writer.create_warc_record(
                    f"http://example.com/{name}",
                    "response",
                    payload=BytesIO(body.encode()),
                    http_headers=head,
                )
            )
    found = list(open_source(str(path), licence="unknown, private use").documents(tmp_path))
    assert len(found) == 2
    assert found[0].text.startswith("A page about rivers") and found[1].text == "Only text."
    assert found[0].metadata == {"title": "http://example.com/1"}
    path.write_bytes(b"no archive at all")
    with pytest.raises(InputError, match="is not a WARC file"):
        list(open_source(str(path), licence="x").documents(tmp_path))


def test_a_data_set_is_streamed(tmp_path, monkeypatch):
    class Library:
        @staticmethod
        def load_dataset(name, split, streaming):
            if name == "no/such":
                raise ConnectionError("Couldn't reach the Hub\nand more")
            assert (name, split, streaming) == ("owner/set", "train", True)
            return iter(ROWS)

    monkeypatch.setitem(sys.modules, "datasets", Library)
    source = open_source("owner/set", licence="ODC-By")
    assert source.kind == "hub" and source.name == "set"
    assert [d.text for d in source.documents(tmp_path)] == ["First text.", "Second."]
    assert (
        len(
            list(
                OwnText(name="s", place="owner/set", kind="hub", licence="x", most=1).documents(
                    tmp_path
                )
            )
        )
        == 1
    )
    with pytest.raises(
        VoxhausError, match=r"'no/such' \(train\) could not be opened: Couldn't reach the Hub$"
    ):
        list(open_source("no/such", licence="x").documents(tmp_path))


@pytest.mark.parametrize(
    ("kind", "module"),
    [("parquet", "pyarrow"), ("warc", "warcio.archiveiterator"), ("hub", "datasets")],
)
def test_a_missing_library_names_its_extra(tmp_path, monkeypatch, kind, module):
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "x").write_text("")
    source = OwnText(name="s", place=str(tmp_path / "x"), kind=kind, licence="MIT")
    with pytest.raises(MissingExtraError, match=r"voxhaus\[language\]"):
        list(source.documents(tmp_path))


def test_what_cannot_be_used_is_refused(tmp_path):
    with pytest.raises(InputError, match="under which licence"):
        open_source("owner/set", licence=" ")
    for place in ("./none", "/no/such/folder", "none.txt"):
        with pytest.raises(InputError, match="There is no file or folder"):
            open_source(place, licence="MIT")
    (tmp_path / "a.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match="is none of: a folder"):
        open_source(str(tmp_path / "a.zip"), licence="MIT")


def test_empty_and_binary_and_broken_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="There is no text in"):
        list(open_source(str(tmp_path), licence="MIT").documents(tmp_path))
    path = tmp_path / "a.txt"
    path.write_bytes(b"\0\1\2")
    with pytest.raises(InputError, match="is binary, not text"):
        list(open_source(str(path), licence="MIT").documents(tmp_path))
    rows = tmp_path / "a.jsonl"
    for content, message in (
        ('{"text": "ok"}\n{"text": ', "Line 2 of"),
        ("[1]\n", "is not a JSON object"),
        ('{"body": "x"}\n', "no text in the column 'text'; it has: body"),
    ):
        rows.write_text(content)
        with pytest.raises(InputError, match=message):
            list(open_source(str(rows), licence="MIT").documents(tmp_path))
