"""Everything a change must pass, in one command: `uv run --group dev python -m tests`.

Runs the linter, the formatter's check, the type checker, the import contracts and the tests, all of
them even if one fails, and says at the end which failed. Arguments go to pytest.
"""

import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# torch comes with the extra "train" only. Without its types a subclass of nn.Module is a subclass
# of "Any", which strict checking would refuse; everything else is still checked.
WITHOUT_TORCH = (
    "--allow-subclassing-any",
    "--allow-untyped-decorators",
    "--no-warn-return-any",
    "--no-warn-unused-ignores",
)


def steps(pytest_arguments: list[str]) -> dict[str, list[str]]:
    """Name and command of each step."""
    python = [sys.executable, "-m"]
    types = [] if find_spec("torch") else list(WITHOUT_TORCH)
    return {
        "lint": [*python, "ruff", "check", "."],
        "format": [*python, "ruff", "format", "--check", "."],
        "types": [*python, "mypy", *types],
        "imports": [str(Path(sys.executable).with_name("lint-imports"))],
        "tests": [*python, "pytest", *pytest_arguments],
    }


def main() -> int:
    """Run the steps; return 0 when all passed."""
    failed = []
    for name, command in steps(sys.argv[1:]).items():
        begun = time.monotonic()
        print(f"== {name}", flush=True)
        # lint-imports looks for the package from where it stands.
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
            failed.append(name)
        print(f"== {name}: {time.monotonic() - begun:.0f} s", flush=True)
    print(f"FAILED: {', '.join(failed)}" if failed else "All passed.", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
