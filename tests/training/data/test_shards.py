"""Shards give back what went in, and say what is wrong with them."""

import json

import numpy as np
import pytest

from voxhaus.core.errors import InputError
from voxhaus.training.data.documents import Document
from voxhaus.training.data.shards import open_shards, write_shards
from voxhaus.training.data.vocabulary import learn_vocabulary

TEXTS = [f"Document {n} tells of the house and of {n * n} voices in it." for n in range(60)]
TOKENIZER = learn_vocabulary(TEXTS, size=300)
OTHER = learn_vocabulary(["something else entirely"] * 9, size=280)


def documents():
    for n, text in enumerate(TEXTS):
        yield Document(
            id=str(n), text=text, source="ab"[n % 2], licence="CC0-1.0", metadata={"genre": "prose"}
        )


@pytest.fixture
def shards(tmp_path):
    return write_shards(tmp_path / "train", documents(), TOKENIZER, tokens_per_file=500)


def test_documents_come_back_in_order(shards):
    assert len(shards.tokens) == 1  # fewer documents than are encoded at once
    for (source, ids), text in zip(shards, TEXTS, strict=True):
        assert ids[-1] == TOKENIZER.end_of_text
        assert TOKENIZER.decode(ids[:-1].tolist()) == text
        assert shards.sources[source].name == "ab"[TEXTS.index(text) % 2]


def test_the_manifest_counts(shards):
    assert shards.bytes == sum(len(text.encode()) for text in TEXTS)
    assert shards.size == sum(len(TOKENIZER.encode(text)) + 1 for text in TEXTS)
    assert [s.documents for s in shards.sources] == [30, 30]
    assert {s.licence for s in shards.sources} == {"CC0-1.0"}
    assert shards.manifest["tokenizer"] == TOKENIZER.digest


def test_large_texts_go_into_several_files(tmp_path):
    many = [d for _ in range(10) for d in documents()]
    shards = write_shards(tmp_path / "s", many, TOKENIZER, tokens_per_file=3000)
    assert len(shards.tokens) > 1
    assert len(list(shards)) == 600
    open_shards(tmp_path / "s", TOKENIZER, check=True)


def test_writing_again_gives_the_same_bytes(shards, tmp_path):
    write_shards(tmp_path / "again", documents(), TOKENIZER)
    for name in ("tokens-00000.bin", "documents-00000.npy", "manifest.json"):
        assert (tmp_path / "again" / name).read_bytes() == (shards.folder / name).read_bytes()


def test_another_tokenizer_is_refused(shards):
    with pytest.raises(InputError, match="made with another tokenizer"):
        open_shards(shards.folder, OTHER)


def test_a_truncated_file_is_refused(shards):
    path = shards.folder / "tokens-00000.bin"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(InputError, match="bytes in place of"):
        open_shards(shards.folder)


def test_a_changed_token_is_found_when_asked(shards):
    path = shards.folder / "tokens-00000.bin"
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)
    open_shards(shards.folder)
    with pytest.raises(InputError, match="its SHA-256 differs"):
        open_shards(shards.folder, check=True)


def test_an_index_that_does_not_fit_is_refused(shards):
    np.save(shards.folder / "documents-00000.npy", np.zeros((60, 3), np.int64))
    with pytest.raises(InputError, match="does not fit its tokens"):
        open_shards(shards.folder)
    (shards.folder / "documents-00000.npy").write_bytes(b"nothing")
    with pytest.raises(InputError, match="damaged"):
        open_shards(shards.folder)


def test_a_missing_file_is_refused(shards):
    (shards.folder / "tokens-00000.bin").unlink()
    with pytest.raises(InputError, match="is missing"):
        open_shards(shards.folder)


def test_a_folder_without_manifest_is_unfinished(tmp_path):
    with pytest.raises(InputError, match="has no finished shards"):
        open_shards(tmp_path)


def test_a_run_that_is_killed_leaves_no_manifest(tmp_path):
    write_shards(tmp_path, documents(), TOKENIZER)

    def dies():
        yield from documents()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shards(tmp_path, dies(), TOKENIZER)
    with pytest.raises(InputError, match="no finished shards"):
        open_shards(tmp_path)


def test_another_format_and_a_damaged_manifest_are_refused(shards):
    path = shards.folder / "manifest.json"
    path.write_text(json.dumps({**shards.manifest, "format": 99}))
    with pytest.raises(InputError, match="format 99, not 1"):
        open_shards(shards.folder)
    path.write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        open_shards(shards.folder)


def test_no_documents_is_refused(tmp_path):
    with pytest.raises(InputError, match="There is no text for train"):
        write_shards(tmp_path / "train", [], TOKENIZER)
