"""A training function on the machines of a cluster, started by Ray Train.

Knows: how many processes, what each gets, and that a lost one is started again from the last
checkpoint.
Refuses to know: what is trained. The function joins the others by `processes.joined`, as it does
under `torchrun`, and finds its checkpoints by itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxhaus.core.errors import MissingExtraError, VoxhausError


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What a run takes of a cluster.

    Attributes:
        processes: that train together.
        gpu: one for each process; None: where the cluster has so many.
        cpus: of each process.
        restarts: of the whole run after a process or machine was lost.
        folder: for Ray's own notes; on storage that all machines share, like the run's checkpoints.
    """

    processes: int
    folder: Path
    gpu: bool | None = None
    cpus: int = 1
    restarts: int = 3


def launch(
    function: Callable[[dict[str, Any]], None], settings: Mapping[str, Any], cluster: Cluster
) -> None:
    """Run a function in every process of a cluster, and wait for its end.

    Ray's address is read from the environment (`RAY_ADDRESS`); without one, and outside a cluster,
    a local Ray of this machine's processors is started.

    Args:
        function: takes the settings; importable on every machine.
        settings: plain values.
        cluster: what it takes.

    Raises:
        MissingExtraError: Ray is not installed.
        VoxhausError: the function failed, and failed again after restarts.
    """
    try:
        import ray
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.torch import TorchConfig, TorchTrainer
    except ImportError as error:
        raise MissingExtraError("ray[train]", "scale") from error
    if not ray.is_initialized():
        ray.init(include_dashboard=False)
    gpu = cluster.gpu
    if gpu is None:
        gpu = ray.cluster_resources().get("GPU", 0) >= cluster.processes
    trainer = TorchTrainer(
        function,
        train_loop_config=dict(settings),
        torch_config=TorchConfig(backend="cpu:gloo,cuda:nccl" if gpu else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=cluster.processes,
            use_gpu=gpu,
            resources_per_worker={"CPU": cluster.cpus, "GPU": int(gpu)},
        ),
        run_config=RunConfig(
            name=cluster.folder.name,
            storage_path=str(cluster.folder.absolute().parent),
            failure_config=FailureConfig(max_failures=cluster.restarts),
        ),
    )
    try:
        trainer.fit()
    except Exception as error:
        raise VoxhausError(f"The run failed on the cluster: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    """The last line of what failed in a process: its own sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
