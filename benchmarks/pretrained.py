"""Train the models that travel inside the package, judge them, and draw the README's pictures of them.

    python benchmarks/pretrained.py digits fashion avatars        from the beginning
    python benchmarks/pretrained.py fashion --run runs/00002-fashion
    python benchmarks/pretrained.py digits fashion avatars --judge    the models that are there, once more

Each recipe is trained as it stands, written to src/gansmith/pretrained/NAME in half precision with its model card, and
judged as it lies there by `gansmith evaluate`; the grid of its first samples, none left out, goes to
docs/pictures/NAME.png.
"""

import argparse
import io
import json
import shutil
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import gansmith as gs
from gansmith.cli import main as gansmith
from gansmith.training import save_pretrained

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "src" / "gansmith" / "pretrained"
NAMES = ("digits", "fashion", "avatars")


def ship(name: str, run: Path) -> None:
    """Put a run's averaged generator where the package finds it."""
    model = gs.load(run)
    shutil.rmtree(SHIPPED / name, ignore_errors=True)
    save_pretrained(model, SHIPPED / name, licence="apache-2.0", half=True)
    pictures = ROOT / "docs" / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    images, columns = model.showcase()
    gs.save_grid(images, pictures / f"{name}.png", columns=columns)


def judge(name: str) -> None:
    """Let a model that travels along carry what `gansmith evaluate` says of it."""
    said = io.StringIO()
    with redirect_stdout(said):
        code = gansmith(["evaluate", name, "--json", "--no-report"])
    if code != 0:
        raise SystemExit(code)
    known = json.loads((SHIPPED / name / "config.json").read_text(encoding="utf-8"))
    # The recipe stays as it was written: fields that are newer than the model would say what it was not trained with.
    model = replace(gs.load(SHIPPED / name), evaluation=json.loads(said.getvalue()), described=known["recipe"])
    save_pretrained(model, SHIPPED / name, licence="apache-2.0", half=True, force=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=NAMES)
    parser.add_argument("--run", type=Path, help="a run that is already there, for one name")
    parser.add_argument("--judge", action="store_true", help="train nothing")
    options = parser.parse_args()
    if options.run is not None and (len(options.names) != 1 or options.judge):
        parser.error("--run goes with one name, and not with --judge")
    for name in options.names:
        if not options.judge:
            ship(name, options.run or gs.train(gs.RECIPES[name]).path)
        judge(name)


if __name__ == "__main__":
    main()
