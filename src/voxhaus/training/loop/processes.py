"""The processes that train together.

Knows: how many there are, which one this is, and how they agree on things.
Refuses to know: models, and how they were started; `torchrun` and Ray Train both set what is read.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist

_T = TypeVar("_T")
_CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Processes:
    """This process among those that train together.

    Attributes:
        rank: its number, from 0.
        count: of all processes.
        device: that this one computes on.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = _CPU

    @property
    def alone(self) -> bool:
        """Whether there is no other."""
        return self.count == 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and speaks for all."""
        return self.rank == 0

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Wait for the others at the end of a block; what fails in one fails in all.

        Raises:
            RuntimeError: the block failed in another process; with its reason.
        """
        failure: Exception | None = None
        try:
            yield
        except Exception as error:
            failure = error
        said = self.gathered("" if failure is None else _in_words(failure))
        if failure is not None:
            raise failure
        reasons = [s for s in said if s]
        if reasons:
            raise RuntimeError(reasons[0])

    def gathered(self, own: _T) -> list[_T]:
        """Something small of each process, in their order."""
        if self.alone:
            return [own]
        everybodys: list[Any] = [None] * self.count
        dist.all_gather_object(everybodys, own)
        return everybodys

    def means(self, values: Mapping[str, float]) -> dict[str, float]:
        """Means over processes of numbers that each of them has under the same names."""
        return {k: v / self.count for k, v in self.sums(values).items()}

    def sums(self, values: Mapping[str, float]) -> dict[str, float]:
        """Sums over processes of numbers that each of them has under the same names."""
        if self.alone or not values:
            return dict(values)
        numbers = torch.tensor(list(values.values()), dtype=torch.float64, device=self.device)
        dist.all_reduce(numbers)
        return dict(zip(values, numbers.tolist(), strict=True))

    def total(self, number: torch.Tensor) -> torch.Tensor:
        """The sum over processes of a tensor that each has."""
        if not self.alone:
            dist.all_reduce(number)
        return number


ALONE = Processes()


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


@contextlib.contextmanager
def joined() -> Iterator[Processes]:
    """The processes that `torchrun` or Ray Train started with this one, for the block; else ALONE.

    Gloo on CPUs, NCCL between GPUs; each process takes the GPU of its number on its machine.
    """
    if dist.is_initialized():  # Ray Train has done it
        yield _present()
    elif int(os.environ.get("WORLD_SIZE", "1")) == 1:
        device = torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
        yield Processes(device=device)
    else:
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
            dist.init_process_group("cpu:gloo,cuda:nccl")
        else:
            dist.init_process_group("gloo")
        try:
            yield _present()
        finally:
            dist.destroy_process_group()


def _present() -> Processes:
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", torch.cuda.current_device())
    return Processes(rank=dist.get_rank(), count=dist.get_world_size(), device=device)
