"""Where training runs, and in which precision.

Knows: what the machine is fast at. Refuses to know: models.
"""

import torch

from voxhaus.evals.machine import instructions


def best_device() -> torch.device:
    """A GPU where torch finds one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def half_where_fast(device: torch.device) -> torch.autocast:
    """Matrix products in bfloat16, unless this is a CPU without instructions for it.

    There, torch emulates them: 60 times slower than float32 on a Zen 3.
    """
    fast = device.type != "cpu" or "avx512_bf16" in instructions()
    return torch.autocast(device.type, torch.bfloat16, enabled=fast)
