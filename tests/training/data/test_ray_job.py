"""A local Ray keeps and refuses what one process does."""

import random

import pytest

from voxhaus.core.errors import InputError
from voxhaus.training.data.documents import Document, write_documents
from voxhaus.training.data.normalise import Normalise
from voxhaus.training.data.personal import ScrubPersonal
from voxhaus.training.data.quality import GopherQuality
from voxhaus.training.data.ray_job import (
    _all_but_first,
    duplicates_with_ray,
    filter_with_ray,
    refusals_with_ray,
    to_document,
    to_row,
)
from voxhaus.training.data.steps import Tally, run_steps

STEPS = (Normalise(), ScrubPersonal(), GopherQuality())
RANDOM = random.Random(3)
WORDS = "the be to of and that have with house river garden letter window market".split()


def documents(source):
    for n in range(30):
        text = " ".join(RANDOM.choices(WORDS, k=10 + 7 * n))
        yield Document(
            id=f"{source}/{n}", text=text, source=source, licence="CC0", metadata={"genre": "x"}
        )


def test_rows_are_documents():
    for document in documents("a"):
        assert to_document(to_row(1, document)) == document


def test_clusters_keep_their_lowest():
    assert _all_but_first([(1, 4), (4, 9), (2, 3), (0, 9)]) == {1, 4, 9, 3}
    assert _all_but_first([]) == set()


def test_a_job_without_files_is_refused():
    with pytest.raises(InputError, match="at least one file"):
        filter_with_ray([], STEPS)


def test_a_local_ray_gives_what_one_process_gives(tmp_path):
    ray = pytest.importorskip("ray")
    pytest.importorskip("ray.data")
    one, other = list(documents("a")), list(documents("b"))
    other[29] = Document(id="b/29", text=one[29].text + " again", source="b", licence="CC0")
    paths = [tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz"]
    for path, some in zip(paths, (one, other), strict=True):
        write_documents(path, some)
    tally = Tally()
    kept = [d.id for d in run_steps([*one, *other], STEPS, tally)]
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        data = filter_with_ray(paths, STEPS).materialize()
        rows = sorted(data.take_all(), key=lambda row: row["number"])
        assert [row["id"] for row in rows if not row["refused"]] == kept
        counts = refusals_with_ray(data)
        assert counts.pop("") == len(kept)
        assert counts == {f"{step}: {reason}": n for (step, reason), n in tally.refused.items()}
        assert duplicates_with_ray(data) == {2**32 + 29}
    finally:
        ray.shutdown()
