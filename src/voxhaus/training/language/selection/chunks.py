"""Which chunks are worth a place in the run, by what two small models lose on them.

Knows: perplexity, excess, the fall that CoLoR-Filter ranks by, and taking the best.
Refuses to know: models, files, shards.
"""

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
Chunks = npt.NDArray[np.int64]


def perplexity_scores(reference_n: Scores, tokens: int, bytes_n: Scores) -> Scores:
    """Likelihood under a model of clean text: minus nats a byte; higher is better.

    By the byte, as rare words take more tokens: by the token they would look easy.

    Args:
        reference_n: mean nats a token of each chunk.
        tokens: of a chunk.
        bytes_n: UTF-8 bytes of each chunk.
    """
    return -reference_n * tokens / np.maximum(bytes_n, 1.0)


def fall_scores(before_n: Scores, after_n: Scores) -> Scores:
    """Mean nats a token by which one model is better than another; higher is better.

    With a model of the pool and one of the target: excess loss, or learnability (Mindermann et al.
    2022, Lin et al. 2024). With a prior and the same model trained on with target text: the score
    of CoLoR-Filter (Brandfonbrener et al. 2024, arXiv 2406.10670), which is Bayes' rule for the
    data that make the target likeliest.
    """
    return before_n - after_n


def best(chunks: Chunks, scores: Scores, count: int) -> Chunks:
    """The chunks of the highest scores, in the stream's order; a tie goes to the earlier one."""
    ranked = np.lexsort((chunks, -scores))
    return np.sort(chunks[ranked[: max(1, count)]])
