"""Train the models that travel inside the package, and draw the README's pictures of them.

    python benchmarks/pretrained.py digits fashion avatars        from the beginning
    python benchmarks/pretrained.py fashion --run runs/00002-fashion

Each recipe is trained as it stands, judged as `gansmith evaluate` does, and written to src/gansmith/pretrained/NAME
in half precision with its model card; the grid of its first samples, none left out, goes to docs/pictures/NAME.png.
"""

import argparse
import shutil
from pathlib import Path

import gansmith as gs
from gansmith.cli import main as gansmith
from gansmith.training import save_pretrained

ROOT = Path(__file__).parent.parent
NAMES = ("digits", "fashion", "avatars")


def ship(name: str, run: Path) -> None:
    """Judge a run and put its averaged generator where the package finds it."""
    code = gansmith(["evaluate", str(run), "--no-report"])
    if code != 0:
        raise SystemExit(code)
    model = gs.load(run)
    folder = ROOT / "src" / "gansmith" / "pretrained" / name
    shutil.rmtree(folder, ignore_errors=True)
    save_pretrained(model, folder, licence="apache-2.0", half=True)
    pictures = ROOT / "docs" / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    images, columns = model.showcase()
    gs.save_grid(images, pictures / f"{name}.png", columns=columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=NAMES)
    parser.add_argument("--run", type=Path, help="a run that is already there, for one name")
    options = parser.parse_args()
    if options.run is not None and len(options.names) != 1:
        parser.error("--run goes with one name")
    for name in options.names:
        ship(name, options.run or gs.train(gs.RECIPES[name]).path)


if __name__ == "__main__":
    main()
