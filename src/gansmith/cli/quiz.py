"""`gansmith quiz`: real or generated? A page for people's eyes, and the tally that it saves."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gansmith.cli.models import add_model, find_model
from gansmith.cli.parser import Parser, existing, whole

if TYPE_CHECKING:
    from argparse import Namespace

    from torch import Tensor

    from gansmith.data import ImageSet
    from gansmith.training.model import Model

__all__ = ["quiz"]

FORMAT = "gansmith quiz 1"
PAGE = Path(__file__).with_suffix(".html")
ABOUT = """Write a page on which people say of one picture after another whether it is real or generated.

The page is a single file that opens anywhere and asks no server for anything. It saves its tally as a file:

  gansmith quiz RUN --out page.html
  gansmith quiz --tally tally.json"""


def quiz(arguments: Sequence[str]) -> int:
    """``gansmith quiz RUN [--out PAGE]`` writes the page; ``gansmith quiz --tally FILE`` prints what it saved."""
    parser = Parser(prog="gansmith quiz", description=ABOUT, usage="gansmith quiz RUN [options]")
    add_model(parser)
    parser.add_argument("--out", metavar="PAGE", help="where to write the page [quiz.html]")
    parser.add_argument("-n", type=whole(least=1), default=50, metavar="N", help="how many questions [50]")
    parser.add_argument("--seed", type=whole(), default=0, metavar="S", help="decides the pictures and their order [0]")
    parser.add_argument("--pairs", action="store_true", help="show a real and a generated picture side by side")
    parser.add_argument("--feedback", action="store_true", help="say after each answer whether it was right")
    parser.add_argument("--data", metavar="SPEC", help="other real images [the run's own]")
    if any(word.partition("=")[0] == "--tally" for word in arguments):
        return _print_tallies(arguments)
    parser.epilog = "tally:\n  --tally FILE ...       print what people answered, instead of writing a page"
    given = parser.read(arguments)
    out = Path(given.out or "quiz.html").expanduser()
    if out.suffix.lower() != ".html":
        raise ValueError(f"--out is the page to write, so it ends in .html; got {out}")
    model = find_model(given)
    page = _page(_questions(model, _real(model, given), given))
    from gansmith.files import write_atomically

    write_atomically(out, page.encode())
    print(out)
    return 0


def _real(model: Model, given: Namespace) -> ImageSet:
    from gansmith.data import open_images
    from gansmith.training.display import preparing, shown_here

    channels, *size = model.shape
    with preparing(shown_here()) as progress:
        return open_images(
            given.data or model.recipe.data, size=(size[0], size[1]), channels=channels, progress=progress
        )


def _questions(model: Model, real: ImageSet, given: Namespace) -> dict[str, Any]:
    """All that the page knows: the protocol, and the pictures with the right answers."""
    import torch

    n, seed = given.n, given.seed
    generator = torch.Generator().manual_seed(seed)
    # A coin for each question: who counts the answers so far learns nothing of the next.
    answers = torch.randint(2, (n,), generator=generator).tolist()
    rows = torch.randint(len(real), (n,), generator=generator)
    shown = _encoded(real.pixels()[rows].float() / 127.5 - 1)
    made = _encoded(model.sample(n, seed=seed))
    if given.pairs:
        pictures = [[a, b] if answer == 0 else [b, a] for a, b, answer in zip(shown, made, answers, strict=True)]
        what = "One of the two pictures is real, the other was made by a generative model"
    else:
        pictures = [[a if answer == 0 else b] for a, b, answer in zip(shown, made, answers, strict=True)]
        what = "Each picture is real or made by a generative model, by the toss of a coin"
    told = "; you are told after each answer" if given.feedback else ""
    name = Path(given.run).resolve().name if Path(given.run).expanduser().exists() else given.run
    protocol: dict[str, Any] = {
        "format": FORMAT,
        "run": name,
        "step": model.step,
        "data": real.name,
        "seed": seed,
        "pairs": given.pairs,
        "feedback": given.feedback,
        "about": f"{what}, none picked out{told}. {n} questions; the run {name!r} at step {model.step:,}.",
    }
    trials = [{"pictures": p, "answer": answer} for p, answer in zip(pictures, answers, strict=True)]
    content = json.dumps([protocol, trials], sort_keys=True).encode()
    return {**protocol, "id": hashlib.sha256(content).hexdigest()[:16], "trials": trials}


def _encoded(images: Tensor) -> list[str]:
    """Images (n, c, h, w) in [-1, 1] as PNGs inside addresses, real and made ones alike: no format tells them apart."""
    from PIL import Image

    from gansmith.training.pictures import as_bytes

    addresses = []
    for pixels in as_bytes(images):
        out = io.BytesIO()
        Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels[:, :, :3]).save(out, "PNG")
        addresses.append(f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}")
    return addresses


def _page(questions: dict[str, Any]) -> str:
    # Inside a script element only "</" could end it early.
    return PAGE.read_text(encoding="utf-8").replace("__QUIZ__", json.dumps(questions).replace("</", "<\\/"))


def _print_tallies(arguments: Sequence[str]) -> int:
    parser = Parser(prog="gansmith quiz", usage="gansmith quiz --tally FILE ...", description="Print saved tallies.")
    parser.add_argument("--tally", nargs="+", metavar="FILE", required=True, help="what the page saved")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.read(arguments)
    tallies = [_read(existing(path, "tally")) for path in given.tally]
    first = tallies[0]
    for tally in tallies[1:]:
        unlike = [key for key in ("id", "pairs", "feedback") if tally[key] != first[key]]
        if unlike:
            raise ValueError(f"these tallies are of different pages (their {unlike[0]} differs); print each by itself")
    found = _figures([answer for tally in tallies for answer in tally["answers"]], pairs=first["pairs"])
    if given.json:
        print(json.dumps({**{k: first[k] for k in first if k not in ("answers", "about")}, **found}, indent=2))
        return 0
    people = "" if len(tallies) == 1 else f", {len(tallies)} tallies together"
    print(f"{first['run']} at step {first['step']:,}, real pictures from {first['data']}{people}")
    for name, (right, count, low, high) in found.items():
        share = f"{right / count:.1%} (95 % interval {100 * low:.1f} to {100 * high:.1f} %)" if count else "none"
        print(f"  {name:<28}{right:>5} of {count:<5}{share.replace('%', ' %', 1)}")
    told = "People were told after each answer." if first["feedback"] else "Nobody was told before the end."
    print(f"  Guessing gives 50 %. {told}")
    return 0


def _figures(answers: list[dict[str, int]], *, pairs: bool) -> dict[str, tuple[int, int, float, float]]:
    """All answers, and those to real and to generated pictures: how many are right, of how many, Wilson's interval."""
    from gansmith.metrics import wilson

    groups = {"right": answers}
    if not pairs:
        groups["real seen as real"] = [answer for answer in answers if answer["truth"] == 0]
        groups["generated seen as generated"] = [answer for answer in answers if answer["truth"] == 1]
    figures = {}
    for name, group in groups.items():
        right = sum(answer["said"] == answer["truth"] for answer in group)
        low, high = wilson(right, len(group)) if group else (0.0, 1.0)
        figures[name] = (right, len(group), low, high)
    return figures


def _read(path: Path) -> dict[str, Any]:
    try:
        tally = json.loads(path.read_text(encoding="utf-8"))
        said = [answer[key] for answer in tally["answers"] for key in ("truth", "said")]
        named = all(key in tally for key in ("id", "run", "step", "data", "pairs", "feedback"))
        good = tally["format"] == FORMAT and named and all(choice in (0, 1) for choice in said)
    except (ValueError, KeyError, TypeError, UnicodeDecodeError):
        good = False
    if not good:
        raise ValueError(f"{path} is not a tally that a quiz page saved")
    if not tally["answers"]:
        raise ValueError(f"{path} holds no answer yet")
    return dict(tally)
