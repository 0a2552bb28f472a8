"""The examples run from top to bottom as the README says, only for fewer steps."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.smoke
@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_an_example_trains_and_draws(example, tmp_path):
    """It prints the run's directory, which holds a grid and records of every logged step."""
    run = tmp_path / "run"
    command = [sys.executable, str(EXAMPLES / example), "30", str(run)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(run)]
    assert (run / f"{Path(example).stem.replace('_', '-')}.png").read_bytes().startswith(b"\x89PNG")
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [r["step"] for r in records if "cost/generator" in r] == [25, 30]
