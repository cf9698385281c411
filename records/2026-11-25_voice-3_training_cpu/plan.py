import sys
from pathlib import Path
from voxhaus.training.voice import corpus, teacher
from voxhaus.evals.pronunciation import reference_phonemizer
teacher.fetch()
p=reference_phonemizer()
root=corpus.corpus_folder()
corpus.write_plan(root/"sound", 2400, 5, p, ("anna","ben","clara","david","ella","finn","grace","hugo","ella","finn","grace","hugo"))
corpus.write_plan(root/"timed", 9600, 6, p)
