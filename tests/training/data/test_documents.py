"""Documents survive the disk, and files are whole or absent."""

import errno
import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.training.data import documents
from voxhaus.training.data.documents import Document, read_documents, whole_file, write_documents


def document(text, key="1"):
    return Document(id=key, text=text, source="test", licence="CC0-1.0", metadata={"title": "T"})


@given(st.lists(st.text(), max_size=5))
@settings(deadline=None)
def test_documents_survive(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("d") / "a.jsonl.gz"
    written = [document(text, str(n)) for n, text in enumerate(texts)]
    assert write_documents(path, written) == len(texts)
    assert list(read_documents(path)) == written


def test_the_same_documents_give_the_same_bytes(tmp_path):
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        write_documents(tmp_path / name, [document("Hello.")])
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_a_run_that_is_killed_leaves_no_file(tmp_path):
    def dies():
        yield document("One.")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_documents(tmp_path / "a.jsonl.gz", dies())
    assert list(tmp_path.iterdir()) == []


def test_an_old_file_stays_when_its_successor_fails(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    write_documents(path, [document("Old.")])
    with pytest.raises(ZeroDivisionError):
        write_documents(path, (document(str(1 // n)) for n in (1, 0)))
    assert [d.text for d in read_documents(path)] == ["Old."]


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(documents.os, "fsync", full)
    with (
        pytest.raises(VoxhausError, match=r"Cannot write .*x\.bin: No space left on device\."),
        whole_file(tmp_path / "x.bin") as file,
    ):
        file.write(b"1")
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_file_says_so(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    write_documents(path, [document(f"Text {n} {'x' * n}.", str(n)) for n in range(500)])
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="cut short after document"):
        list(read_documents(path))


@pytest.mark.parametrize(
    "content", [b"\0\1\2 no archive", gzip.compress(b'{"id": 1}\n'), gzip.compress(b"[]\n")]
)
def test_a_file_of_something_else_says_so(tmp_path, content):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="line 1, is not a document"):
        list(read_documents(path))


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(InputError, match="There is no file"):
        list(read_documents(tmp_path / "none"))
