"""The plans of both corpora; `python -m voxhaus.training.voice.corpus` then filled them."""

from voxhaus.evals.pronunciation import reference_phonemizer
from voxhaus.training.voice import corpus, teacher

OLD = ("anna", "ben", "clara", "david")
NEW = ("ella", "finn", "grace", "hugo")

teacher.fetch()
phonemize = reference_phonemizer()
folder = corpus.corpus_folder()
corpus.write_plan(folder / "sound", 2400, 5, phonemize, (*OLD, *NEW, *NEW))
corpus.write_plan(folder / "timed", 9600, 6, phonemize)
