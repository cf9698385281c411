"""The verdict on the styles of some voices, gathered recording by recording.

Knows: what is asked of every recording, and how the answers are put together.
Refuses to know: how anything is spoken or measured.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from voxhaus.core.speech import Speech
from voxhaus.evals.judges import JUDGE_RATE, DistillMos, Transcriber, level, resample
from voxhaus.evals.sentences import Sentence, spread
from voxhaus.evals.styles import QUALITIES, Sample, signature, told_apart


class StyleReport:
    """Gathers recordings; `result` tells what came out.

    Args:
        voices: ids.
        styles: names; the first is neutral.
        sentences: what is read.
        judged: how many of the sentences are also scored for opinion and words.
    """

    columns = ("style", *QUALITIES, "DistillMOS", "WER %")

    def __init__(
        self,
        voices: Sequence[str],
        styles: Sequence[str],
        sentences: Sequence[Sentence],
        *,
        judged: int = 0,
    ) -> None:
        self._voices, self._styles, self._sentences = voices, styles, sentences
        chosen = spread(list(sentences), judged) if judged else []
        self._judged = {s.text for s in chosen}
        self._judges = (DistillMos(), Transcriber()) if judged else None
        self._samples: list[Sample] = []
        self._scores: dict[tuple[str, str], list[tuple[float, int, int]]] = defaultdict(list)

    def add(self, sample: Sample, recording: Speech) -> None:
        """Take in one recording."""
        self._samples.append(sample)
        text = self._sentences[sample.sentence].text
        if self._judges is None or text not in self._judged:
            return
        opinion, ears = self._judges
        heard = resample(recording.samples, recording.sample_rate, JUDGE_RATE)
        heard = level(heard, JUDGE_RATE)
        wrong, words = ears.errors(text, ears.heard(heard))
        self._scores[sample.voice, sample.style].append((opinion(heard), wrong, words))

    def result(self) -> dict[str, Any]:
        """What came out.

        Returns:
            `sentences`, `judged`, `voices` (voice -> style -> signature and scores), `classifier`.
        """
        return {
            "sentences": len(self._sentences),
            "judged": len(self._judged),
            "voices": {
                v: {s: self._entry(v, s) for s in self._styles} for v in self._voices
            },
            "classifier": told_apart(self._samples),
        }  # fmt: skip

    def _entry(self, voice: str, style: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"signature": signature(self._samples, voice, style)}
        if scores := self._scores[voice, style]:
            opinions, wrong, words = zip(*scores, strict=True)
            entry["distillmos"] = float(np.mean(opinions))
            entry["wer"] = sum(wrong) / max(1, sum(words))
        return entry

    def rows(self, result: dict[str, Any], voice: str) -> list[list[str]]:
        """A table of `columns`: differences from neutral, effect sizes in brackets."""
        rows = []
        for style, entry in result["voices"][voice].items():
            signs = [
                f"{entry['signature'][q]['apart']:+.2f} ({entry['signature'][q]['d']:+.1f})"
                for q in QUALITIES
            ]
            scores = ["–", "–"]
            if "wer" in entry:
                scores = [f"{entry['distillmos']:.2f}", f"{100 * entry['wer']:.1f}"]
            rows.append([style, *signs, *scores])
        return rows
