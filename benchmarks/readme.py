"""Write the README's tables from benchmarks/results, so that no number is ever typed.

python benchmarks/readme.py            rewrite what stands between the README's markers
python benchmarks/readme.py --check    exit 1 if it does not stand there as the results say
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
START, END = "<!-- tables -->", "<!-- /tables -->"


def load(name: str) -> dict[str, Any] | None:
    """A result, or None while it was not measured."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def source(result: dict[str, Any]) -> str:
    """Which command made it, where."""
    machine = result["machine"]
    return f"`{result['command']}` · {machine['processor']}, {machine['cores']} cores, torch {machine['torch']}"


def mean_std(values: list[float], digits: int = 2) -> str:
    mean = sum(values) / len(values)
    std = (sum((v - mean) ** 2 for v in values) / max(1, len(values) - 1)) ** 0.5
    return f"{mean:.{digits}f} ± {std:.{digits}f}"


def step_speed(result: dict[str, Any]) -> str:
    rows = []
    for side, found in result["results"].items():
        for name, row in found.items():
            low, high = row["ratio_spread"]
            speed = f"**{row['ratio']:.2f}×** ({low:.2f}–{high:.2f})" if name != "textbook" else "1"
            rows.append([f"{side} px", name, f"{row['ms_per_step']:.1f}", speed, f"{row['peak_memory_gib']:.1f}"])
    head = ["images", "loop", "ms a step", "times the textbook's speed", "GiB"]
    return f"### A step\n\n{table(head, rows)}\n\n{source(result)}"


def step_quality(result: dict[str, Any]) -> str:
    rows = [
        [name, mean_std(row["frechet_distance"]), f"{row['ratio_of_means']:.2f}"]
        for name, row in result["results"].items()
    ]
    steps, seeds = result["protocol"]["steps"], len(result["protocol"]["seeds"])
    head = ["loop", f"Fréchet distance (grey28) after {steps:,} steps, {seeds} seeds", "ratio"]
    return f"### … and as good\n\n{table(head, rows)}\n\n{source(result)}"


def time_to_quality(result: dict[str, Any]) -> str:
    parts = ["### Time to quality"]
    for data in sorted({row["data"] for row in result["table"]}):
        mine = [row for row in result["table"] if row["data"] == data]
        marks = sorted({row["seconds"] for row in mine})
        rows = []
        for name in sorted({row["alternative"] for row in mine}):
            cells = {row["seconds"]: row["frechet_distance"] for row in mine if row["alternative"] == name}
            rows.append([name, *(f"{cells[m]['mean']:.2f} ± {cells[m]['std']:.2f}" for m in marks)])
        parts.append(f"Fréchet distance (grey28), {data}, after seconds of training:\n")
        parts.append(table([data, *(f"{m:g} s" for m in marks)], rows))
    return "\n\n".join([*parts, source(result)])


SECTIONS = {
    "step_speed": step_speed,
    "step_quality": step_quality,
    "time_to_quality": time_to_quality,
}


def text() -> str:
    """Everything that belongs between the markers."""
    parts = [write(result) for name, write in SECTIONS.items() if (result := load(name)) is not None]
    return "\n\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    readme = ROOT / "README.md"
    before = readme.read_text(encoding="utf-8")
    head, _, rest = before.partition(START)
    _, _, tail = rest.partition(END)
    after = f"{head}{START}\n\n{text()}\n\n{END}{tail}"
    if options.check:
        return int(before != after)
    readme.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
