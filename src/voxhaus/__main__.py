"""`python -m voxhaus` is the command `voxhaus`.

Knows: where the door is.
Refuses to know: anything behind it.
"""

from voxhaus.cli.main import run

run()
