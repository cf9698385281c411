"""Ray Train starts the same training function, on a Ray of this machine."""

import os
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'language'")
ray = pytest.importorskip("ray", reason="clusters need the extra 'scale'")
pytest.importorskip("ray.train", reason="clusters need the extra 'scale'", exc_type=ImportError)

from voxhaus.core.errors import VoxhausError  # noqa: E402
from voxhaus.training.loop import metrics  # noqa: E402
from voxhaus.training.loop.cluster import Cluster, launch  # noqa: E402

HERE = str(Path(__file__).parent)


@pytest.fixture(scope="module")
def local_ray():
    paths = os.pathsep.join([HERE, *filter(None, [os.environ.get("PYTHONPATH")])])
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}},
    )
    yield
    ray.shutdown()


def train(settings):
    from pathlib import Path

    import distributed_run

    from voxhaus.training.loop.processes import joined

    with joined() as processes:
        assert processes.count == 2
        distributed_run.trainer(Path(settings["folder"]), processes, spread=2).run()


def fail(settings):
    from voxhaus.core.errors import VoxhausError

    raise VoxhausError("The loss is nan at step 3; training stopped.")


def losses(folder):
    return [r["loss"] for r in metrics.read(folder / "metrics.jsonl") if "loss" in r]


def test_two_processes_of_a_cluster_learn_what_one_learns(local_ray, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(HERE)
    import distributed_run

    distributed_run.trainer(tmp_path / "one").run()
    cluster = Cluster(processes=2, folder=tmp_path / "ray", restarts=0)
    launch(train, {"folder": str(tmp_path / "two")}, cluster)
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-6)


def test_what_fails_there_is_said_here(local_ray, tmp_path):
    cluster = Cluster(processes=1, folder=tmp_path / "ray", restarts=0)
    said = r"run failed on the cluster: .*nan at step 3; training stopped"
    with pytest.raises(VoxhausError, match=said):
        launch(fail, {}, cluster)
