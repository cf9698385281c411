"""Checkpoints are whole or not there: killed writers, full disks, damage, older files."""

import errno
import os
import signal
import subprocess
import sys
import textwrap

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.core.errors import VoxhausError  # noqa: E402
from voxhaus.training.loop import checkpoint  # noqa: E402


def write(folder, step, size=4, **kw):
    tensors = {"model": {"a.weight": torch.full((size, 3), float(step))}, "average": {}}
    return checkpoint.save(folder, step, tensors, {"step": step, "task": {}}, **kw)


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_what_is_saved_comes_back(tmp_path):
    path = write(tmp_path, 7)
    assert path == tmp_path / "step-00000007" == checkpoint.newest_path(tmp_path)
    state = checkpoint.newest(tmp_path)
    assert torch.equal(state["model"]["a.weight"], torch.full((4, 3), 7.0))
    assert (state["average"], state["step"], state["task"]) == ({}, 7, {})
    assert checkpoint.sizes(path) == {"model/a.weight": (torch.Size([4, 3]), torch.float32)}


def test_the_newest_few_are_kept_by_number(tmp_path):
    for step in (9, 10, 11):
        write(tmp_path, step)
    assert names(tmp_path) == ["step-00000010", "step-00000011"]


def test_nothing_there(tmp_path):
    assert checkpoint.newest(tmp_path) is None and not checkpoint.begun(tmp_path / "none")


def test_a_file_of_the_older_kind_is_read(tmp_path):
    state = {"model": {"a": torch.ones(2)}, "average": {}, "step": 3}
    torch.save(state, tmp_path / "step-00000003.pt")
    assert checkpoint.begun(tmp_path)
    assert checkpoint.newest(tmp_path)["step"] == 3
    write(tmp_path, 4)
    assert checkpoint.newest(tmp_path)["step"] == 4
    write(tmp_path, 5)
    assert names(tmp_path) == ["step-00000004", "step-00000005"]


KILLED = """
    import os, pathlib, signal, sys
    import torch
    from voxhaus.training.loop import checkpoint

    folder = pathlib.Path(sys.argv[1])
    tensors = {"model": {"a": torch.ones(1000)}}
    checkpoint.save(folder, 1, tensors, {"step": 1})
    WHERE
    checkpoint.save(folder, 2, tensors, {"step": 2})
"""
DIE = "lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize(
    "where",
    [
        f"checkpoint._write = {DIE}",  # tensors are written, the rest is not
        f"pathlib.Path.rename = {DIE}",  # all is written under the other name
        f"torch.distributed.checkpoint.filesystem.FileSystemWriter.finish = {DIE}",
    ],
)
def test_killed_while_writing_leaves_the_last_good_one(tmp_path, where):
    program = textwrap.dedent(KILLED).replace("WHERE", where)
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert names(tmp_path) == ["step-00000001", "step-00000002.partial"]
    assert checkpoint.newest(tmp_path)["step"] == 1
    write(tmp_path, 2)
    assert names(tmp_path) == ["step-00000001", "step-00000002"]


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("place", ["checkpoint", "distributed"])
def test_a_full_disk_is_said_and_keeps_the_last_good_one(tmp_path, monkeypatch, place):
    write(tmp_path, 1)
    writer = torch.distributed.checkpoint.FileSystemWriter
    target = (checkpoint, "_write") if place == "checkpoint" else (writer, "write_data")
    monkeypatch.setattr(*target, full)
    with pytest.raises(VoxhausError) as raised:
        write(tmp_path, 2)
    said = str(raised.value)
    assert "could not be written: No space left on device. The last good one is" in said
    assert said.count(". ") == 1 and "\n" not in said
    assert names(tmp_path) == ["step-00000001"]
    monkeypatch.undo()
    write(tmp_path, 2)
    assert checkpoint.newest(tmp_path)["step"] == 2


def test_a_disk_that_is_really_full(tmp_path):
    """A file system in memory of 256 KB, where the system lets us mount one."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no right to mount a file system")
    try:
        write(place, 1)
        with pytest.raises(VoxhausError, match="No space left on device"):
            write(place, 2, size=100_000)
        assert names(place) == ["step-00000001"] and checkpoint.newest(place)["step"] == 1
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_damaged_one_is_named(tmp_path):
    path = write(tmp_path, 1)
    data = next(path.glob("*.distcp"))
    data.write_bytes(data.read_bytes()[:40])
    with pytest.raises(VoxhausError, match=r"step-00000001 cannot be read .* go on from the one"):
        checkpoint.newest(tmp_path)
