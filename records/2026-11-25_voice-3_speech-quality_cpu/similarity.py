"""Speaker similarity (resemblyzer) of our voices to those they learned from, eight sentences."""

from voxhaus.evals import engines, sentences
from voxhaus.evals.speech import similarity
from voxhaus.training.voice.corpus import VOICES

chosen = sentences.spread(sentences.read(), 8)
for name, (taught_by, _) in VOICES.items():
    ours, theirs = engines.load("voxhaus", voice=name), engines.load("kokoro", voice=taught_by)
    print(f"{name} ({taught_by}): {similarity(ours, theirs, chosen):.3f}", flush=True)
