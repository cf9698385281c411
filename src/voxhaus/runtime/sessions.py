"""ONNX Runtime sessions as this project runs them.

Knows: session options for small graphs on CPUs. Refuses to know: what a graph computes.
"""

import os
from pathlib import Path

import onnxruntime as ort


def default_threads() -> int:
    """How many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def open_session(path: Path, threads: int = 1) -> ort.InferenceSession:
    """A CPU session with `threads` threads for each run; runs may overlap."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    # Shipped graphs were optimised when they were packaged; doing it again would take longer than
    # all the rest of loading.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    # Lengths differ from sentence to sentence: memory planned for one is not reused for the next.
    options.enable_mem_pattern = False
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
