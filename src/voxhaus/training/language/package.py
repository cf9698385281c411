"""From a trained folder to one under `weights/`.

Knows: which files a text model's folder holds, what its manifest records, and how much of the loss
rounding to eight bits costs.
Refuses to know: training.
"""

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from voxhaus.core.errors import WeightsError
from voxhaus.evals import language as evaluation
from voxhaus.evals.language_models import Ours
from voxhaus.runtime.language.prepare import prepare

MANIFEST, CARD = "manifest.json", "card.md"
WORST = 0.01  # bits per byte that rounding may cost


def package(trained: Path, out: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write the runtime's form of a trained model with a manifest; return the manifest.

    Args:
        trained: a folder in Hugging Face's format.
        out: the model's folder, MODEL/VERSION; a card in it stays.
        about: what the manifest says of how it was made.

    Raises:
        WeightsError: rounding costs more than `WORST` bits per byte.
    """
    cost = rounding(trained)
    if cost["int8"] - cost["float32"] > WORST:
        raise WeightsError(
            f"Rounding to eight bits costs {cost['int8'] - cost['float32']:.4f} bits per byte, "
            f"more than {WORST}; the model was not packaged."
        )
    card = (out / CARD).read_bytes() if (out / CARD).is_file() else None
    prepare(trained, out)
    if card is not None:
        (out / CARD).write_bytes(card)
    manifest = {
        "model": out.parent.name,
        "created": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "recipe": "runs/language.sh",
        **about,
        "bits_per_byte": cost,
        "files": {
            path.name: {
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "bytes": path.stat().st_size,
            }
            for path in sorted(out.iterdir())
            if path.is_file() and path.name not in (MANIFEST, CARD)
        },
    }
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    return manifest


def rounding(trained: Path) -> dict[str, float]:
    """Bits per byte of the bundled held-out prose with the weights as trained and as shipped."""
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for name, exact in (("float32", True), ("int8", False)):
            made = prepare(trained, Path(folder) / name, exact=exact)
            model = Ours(str(made), 1)
            parts = [evaluation.predict(text, model) for text in evaluation.prose().values()]
            found[name] = evaluation.total(parts).bits_per_byte
    return found


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
