"""One model over many processes: parameters in shards, experts spread out.

Knows: FSDP2, where experts live, how rows travel to them and back, how matrices that are cut over
processes are put together, and what a gradient's norm is then.
Refuses to know: what the model is for.

Shapes: W processes, P of them share the experts between them, E experts, R rows, D width;
M matrices of [A, C], of whose A rows each process holds about A / W.
"""

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor

from voxhaus.core.errors import InputError
from voxhaus.models.nn.experts import Experts, feed
from voxhaus.training.loop.processes import Processes

_DATA, _EXPERTS = "data", "experts"


def shard(
    model: nn.Module,
    blocks: Iterable[nn.Module],
    processes: Processes,
    *,
    spread: int = 1,
    methods: Iterable[str] = (),
    compiled: bool = False,
) -> None:
    """Cut a model's parameters over all processes, in place; its experts over `spread` of them.

    Each process keeps a part of every parameter, gradient and moment (ZeRO 3; Zhao et al. 2023,
    FSDP), and fetches a block's parameters when it is needed. All processes must have made the
    same model: seed them alike. The optimiser is made afterwards.

    Args:
        model: as made, on the processes' device.
        blocks: parts that are fetched one by one, such as layers.
        processes: that train together; nothing is done for one alone.
        spread: processes that share one set of experts: each keeps E / spread of them whole, and
            tokens travel to them instead of parameters to tokens. 1: experts are parameters like
            others.
        methods: of the model, beside `forward`, that are called from outside.
        compiled: each block by torch.compile. A model in shards is not compiled as a whole: its
            parameters come and go between blocks.

    Raises:
        InputError: `spread` does not divide the processes, or the experts of a layer.
    """
    if processes.count % spread:
        raise InputError(
            f"{processes.count} processes cannot be parted into groups of {spread} for experts.",
            param="spread",
        )
    if processes.alone:
        return
    kind = processes.device.type
    resident = _spread_out(model, processes, spread) if spread > 1 else set()
    mesh = init_device_mesh(kind, (processes.count,), mesh_dim_names=("all",))
    for block in blocks:
        if compiled:
            block.compile()
        fully_shard(block, mesh=mesh, ignored_params=resident)
    fully_shard(model, mesh=mesh, ignored_params=resident)
    for method in methods:
        register_fsdp_forward_method(model, method)


def _spread_out(model: nn.Module, processes: Processes, spread: int) -> set[nn.Parameter]:
    mesh = init_device_mesh(
        processes.device.type,
        (processes.count // spread, spread),
        mesh_dim_names=(_DATA, _EXPERTS),
    )
    resident: set[nn.Parameter] = set()
    for layer in (m for m in model.modules() if isinstance(m, Experts)):
        if layer.gate_up_proj.shape[0] % spread:
            raise InputError(
                f"{layer.gate_up_proj.shape[0]} experts cannot be spread evenly over {spread} "
                "processes.",
                param="spread",
            )
        for name in ("gate_up_proj", "down_proj"):
            whole = getattr(layer, name).detach()
            part = distribute_tensor(whole, mesh, [Replicate(), Shard(0)])
            setattr(layer, name, nn.Parameter(part))
            resident.add(getattr(layer, name))
        layer.feed = Travelling(mesh.get_group(_EXPERTS))
    return resident


class Travelling:
    """Rows travel to the processes that hold their experts, and back (GShard, Lepikhin 2020).

    Exact: every row travels, none is dropped. The counts are sent first, so the host waits once a
    layer for them.
    """

    def __init__(self, group: dist.ProcessGroup) -> None:
        self._group, self._size = group, group.size()

    # Not compiled: how many rows come is not known before they come.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def __call__(self, x_RD: Tensor, up_EFD: Tensor, down_EDF: Tensor, count_E: Tensor) -> Tensor:
        """What the experts make of rows that are sorted by expert; see `experts.feed`."""
        count_PE = count_E.view(self._size, -1)
        come_PE = torch.empty_like(count_PE)
        dist.all_to_all_single(come_PE, count_PE.contiguous(), group=self._group)
        out, back = come_PE.sum(1).tolist(), count_PE.sum(1).tolist()
        there_RD = self._send(x_RD, back, out)
        # They come by process, then by expert, and are wanted by expert.
        own = come_PE.shape[1]
        expert_R = torch.arange(own, device=x_RD.device).repeat(self._size)
        expert_R = expert_R.repeat_interleave(come_PE.flatten())
        order_R = expert_R.argsort(stable=True)
        y_RD = feed(there_RD[order_R], local(up_EFD), local(down_EDF), come_PE.sum(0))
        return self._send(y_RD[order_R.argsort()], out, back)

    def _send(self, x_RD: Tensor, sizes: list[int], come: list[int]) -> Tensor:
        return _Send.apply(x_RD, sizes, come, self._group)


class _Send(torch.autograd.Function):
    """Rows to other processes; their gradients come back the same way."""

    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx,  # noqa: ANN001
        x_RD: Tensor,
        sizes: list[int],
        come: list[int],
        group: dist.ProcessGroup,
    ) -> Tensor:
        ctx.sizes, ctx.come, ctx.group = sizes, come, group
        return _exchanged(x_RD, sizes, come, group)

    @staticmethod
    def backward(ctx, grad_RD: Tensor) -> tuple[Tensor, None, None, None]:  # type: ignore[no-untyped-def]  # noqa: ANN001
        return _exchanged(grad_RD, ctx.come, ctx.sizes, ctx.group), None, None, None


def _exchanged(x_RD: Tensor, sizes: list[int], come: list[int], group: dist.ProcessGroup) -> Tensor:
    made = x_RD.new_empty(sum(come), x_RD.shape[1])
    dist.all_to_all_single(made, x_RD.contiguous(), come, sizes, group=group)
    return made


def local(tensor: Tensor) -> Tensor:
    """The part of a tensor that this process holds; all of a plain one."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def cut(parameter: Tensor) -> dist.ProcessGroup | None:
    """The processes over which single matrices are cut by rows; None where this one has them whole.

    Stacks of matrices are cut between matrices.
    """
    if not isinstance(parameter, DTensor) or parameter.dim() != 2:
        return None
    return parameter.device_mesh.get_group() if parameter.placements[0].is_shard(0) else None


def gathered(parts: list[Tensor], rows: int, group: dist.ProcessGroup) -> Tensor:
    """Whole matrices [ceil(M / W), A, C], of which each process gets its share of all M.

    Args:
        parts: this process's rows of each matrix, by `torch.chunk`'s rule, as FSDP2 cuts.
        rows: A.
        group: the W processes; every one of them calls this.
    """
    size, each, piece = _evenly(len(parts), rows, group)
    columns = parts[0].shape[1]
    sent = parts[0].new_zeros(size * each, piece, columns)
    for place, part in zip(sent, parts, strict=False):
        place[: part.shape[0]] = part
    come = torch.empty_like(sent)
    dist.all_to_all_single(come, sent, group=group)
    whole = come.view(size, each, piece, columns).transpose(0, 1)
    return whole.reshape(each, size * piece, columns)[:, :rows]


def returned(whole: Tensor, parts: list[Tensor], group: dist.ProcessGroup) -> list[Tensor]:
    """The rows of every matrix that this process holds: the inverse of `gathered`.

    Args:
        whole: [ceil(M / W), A, C], in the order of `gathered`.
        parts: as for `gathered`; only their shapes are used.
        group: the W processes; every one of them calls this.
    """
    size, each, piece = _evenly(len(parts), whole.shape[1], group)
    columns = whole.shape[2]
    padded = whole.new_zeros(each, size * piece, columns)
    padded[:, : whole.shape[1]] = whole
    sent = padded.view(each, size, piece, columns).transpose(0, 1).contiguous()
    come = torch.empty_like(sent)
    dist.all_to_all_single(come, sent, group=group)
    by_matrix = come.view(size * each, piece, columns)
    return [got[: part.shape[0]] for got, part in zip(by_matrix, parts, strict=False)]


def _evenly(matrices: int, rows: int, group: dist.ProcessGroup) -> tuple[int, int, int]:
    size = group.size()
    return size, -(-matrices // size), -(-rows // size)


def reduce_gradients(parameters: Iterable[nn.Parameter], processes: Processes) -> None:
    """Turn gradients of resident experts into means over all processes, as FSDP's already are.

    Call once a step, when all its gradients are there.
    """
    for parameter in parameters:
        if not isinstance(parameter, DTensor) or parameter.grad is None:
            continue
        names = parameter.device_mesh.mesh_dim_names or ()
        if _EXPERTS in names:
            gradient = local(parameter.grad)
            dist.all_reduce(gradient, group=parameter.device_mesh.get_group(_DATA))
            gradient.div_(processes.count)


def clip(parameters: Iterable[nn.Parameter], largest: float, processes: Processes) -> Tensor:
    """Scale all gradients so that their common norm is at most `largest`; return what it was."""
    if processes.alone:
        return nn.utils.clip_grad_norm_(parameters, largest)
    gradients = [p.grad for p in parameters if p.grad is not None]
    squares = torch.zeros((), device=processes.device)
    for gradient in gradients:
        part = local(gradient).float()
        squares += part.square().sum() / _holders(gradient, processes)
    norm = processes.total(squares).sqrt()
    factor = (largest / (norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        local(gradient).mul_(factor.to(gradient.dtype))
    return norm


def _holders(tensor: Tensor, processes: Processes) -> int:
    """How many processes hold each number of a tensor."""
    if not isinstance(tensor, DTensor):
        return processes.count
    sizes = tensor.device_mesh.shape
    held = 1
    for size, placement in zip(sizes, tensor.placements, strict=True):
        held *= size if placement.is_replicate() else 1
    return held


def whole_state(model: nn.Module) -> dict[str, Tensor]:
    """A model's state with every tensor put together, on the CPU. Every process calls this."""
    return {
        name: (value.full_tensor() if isinstance(value, DTensor) else value).detach().cpu()
        for name, value in model.state_dict().items()
    }
