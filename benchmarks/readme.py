"""Write the tables of the README and of some guides from benchmarks/results, so that no number is ever typed.

python benchmarks/readme.py            rewrite what stands between the markers
python benchmarks/readme.py --check    exit 1 if it does not stand there as the results say
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tables import collected, feature_reuse, mean_std, small_data, source, stacked_mnist, table, tricks

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
START, END = "<!-- tables -->", "<!-- /tables -->"


def load(name: str) -> dict[str, Any] | None:
    """A result, or None while it was not measured."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


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


def step_compile(result: dict[str, Any]) -> str:
    parts = []
    for side, row in result["results"].items():
        ratio, seconds, paid = row["alternating-compiled"]["ratio"], row["compile_seconds"], row["paid_after_steps"]
        when = f"which {paid:,} steps pay back" if paid else "which it never pays back"
        parts.append(f"at {side} px {ratio:.2f}× the speed for {seconds:.0f} s of compiling, {when}")
    return f"`--run.compile` is off by itself: {'; '.join(parts)}.\n\n{source(result)}"


def time_to_quality(result: dict[str, Any]) -> str:
    parts = ["### Time to quality", "![Quality against seconds](benchmarks/results/time_to_quality.png)"]
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


def picture(result: dict[str, Any]) -> str:
    def cells(values: dict[str, float]) -> list[str]:
        def of(start: str) -> list[float]:
            return [value for name, value in values.items() if name.startswith(start)]

        smallest = min(of("share of class "))
        rest = [of("precision")[0], of("recall")[0], of("Fréchet")[0]]
        return [f"{of('relative share')[0]:.3f}", f"{smallest:.3f}", *(f"{v:.2f}" for v in rest)]

    rows = []
    for name, run in result["runs"].items():
        minutes = f"{run['seconds'] / 60:.1f}" if run["seconds"] else ""
        rows.append([name, minutes, *cells(scores(run))])
    rows += [[f"*{name}*", "", *cells(scores(control))] for name, control in result["controls"].items()]
    head = [
        "10,000 samples",
        "minutes",
        "confident, relative to real",
        "rarest class",
        "precision",
        "recall",
        "Fréchet distance",
    ]
    return (
        "### The picture\n\nWhat a calibrated classifier calls with confidence 0.9, relative to real digits that it "
        "never saw; below the seeds, what the same figures say of controls. The classifier was also taught to doubt "
        f"pictures of clothes; none of the controls was in its training.\n\n{table(head, rows)}\n\n{source(result)}"
    )


def scores(report: dict[str, Any]) -> dict[str, float]:
    """The values of a report by name."""
    found: dict[str, float] = report["scores"]
    return found


def loader(result: dict[str, Any]) -> str:
    speed = load("step_speed")
    rows = []
    for name, row in result["results"].items():
        side = name.split()[0]
        fastest = max((r["images_per_second"] for r in speed["results"][side].values()), default=0) if speed else 0
        times = f"{row['images_per_second'] / fastest:.0f}×" if fastest else ""
        rows.append([name, f"{row['images_per_second']:,}", times])
    head = ["batches of 64, one thread", "images/s", "of the fastest training above"]
    return f"### The loader\n\n{table(head, rows)}\n\n{source(result)}"


def kills(result: dict[str, Any]) -> str:
    lost = result["steps_lost"]
    return (
        f"### Nothing lost\n\n{result['kills']} times a run was killed without warning, half of them inside a save: "
        f"{result['damaged_checkpoints']} checkpoints damaged, {len(result['failed_to_resume'])} resumes failed, "
        f"at most {lost['most']} steps lost with a checkpoint every {lost['interval']}, and the weights at the end are "
        f"{'bit for bit those' if result['bit_equal_to_uninterrupted'] else 'not those'} of a run that was left alone."
        f"\n\n{source(result)}"
    )


def toy_speed(result: dict[str, Any]) -> str:
    rows = []
    for batch, found in result["results"].items():
        for name, row in found.items():
            if name.endswith("textbook"):
                continue
            low, high = row["ratio_spread"]
            compiling = f"{row['compile_seconds']:.0f} s" if row["compile_seconds"] else ""
            rows.append(
                [batch, name, f"{row['us_per_step']:.0f}", f"**{row['ratio']:.2f}×** ({low:.2f}–{high:.2f})", compiling]
            )
    head = ["batch", "loop", "µs a step of a seed", "times the textbook's speed", "compiling"]
    protocol = result["protocol"]
    return (
        f"### Small games\n\n{protocol['data']}; {protocol['networks']}. Seeds: "
        f"{protocol['seeds_at_once']} at once. Unrolled: by {protocol['unrolled_steps']} steps of Adam, against a "
        "textbook loop that is. The discriminator judges real and generated samples in one pass, but for the seeds."
        f"\n\n{table(head, rows)}\n\n{source(result)}"
    )


def modes_2d(result: dict[str, Any]) -> str:
    rows = []
    for data, methods in result["table"].items():
        real = result["data"][data]
        rows.append([data, "*the data*", "", "", f"{real['modes']}", f"{real['high_quality']:.1%}", "", "", ""])
        for row in methods:
            published = result["published"][data].get(row["method"])
            rows.append(
                [
                    data,
                    row["method"],
                    str(row["seeds"]),
                    f"{row['steps']:,}",
                    f"{row['modes']:.1f}",
                    f"{row['high_quality']:.1%}",
                    "–".join(f"{w:.2f}" for w in row["weights"]),
                    "–".join(f"{s:.2f}" for s in row["spreads"]),
                    f"{published[0]} / {published[1]} %" if published else "",
                ]
            )
    head = ["data", "method", "seeds", "steps", "modes", "high quality", "weights", "spreads", "published at 400,000"]
    made = collected("python benchmarks/modes_2d.py --methods METHOD --data DATA")
    return (
        "## Measured\n\nModes found and share of samples within 3σ of one, in 2,500 samples, means over seeds; "
        "the extremes of each mode's weight and spread over the data's, in 50,000 samples, over seeds. Published: Lin "
        f"et al. 2018, table 1.\n\n{table(head, rows)}\n\n{made}"
    )


def reliability(result: dict[str, Any]) -> str:
    rows = []
    for row in result["table"]:
        low, high = row["interval"]
        ratio, score = row["over_the_best_seed"], row["score"]
        rows.append(
            [
                f"{row['part']}, {row['data']}",
                row["method"],
                f"{row['steps']:,}",
                f"**{row['ended_well']} of {row['runs']}** ({low:.0%}–{high:.0%})",
                f"{row['complete']}",
                f"{ratio['median']:.2f} ({ratio['min']:.2f}–{ratio['max']:.2f})" if ratio else "",
                f"{score['mean']:.2f} ± {score['std']:.2f}" if score else "",
            ]
        )
    head = ["part", "loop", "steps", "end well", "nothing missing", "score over the best seed's", "score"]
    made = collected("python benchmarks/reliability.py")
    textbook = any(row["method"] == "textbook" for row in result["table"])
    who = "The default recipe and the textbook loop" if textbook else "The default recipe"
    spread = any(row["part"] == "spread" for row in result["table"])
    return (
        f"### Trust over seeds\n\n{who} over seeds{', and over rates, batches and data that nobody tuned' * spread}. "
        f"Score: {result['protocol']['score']}. A run ends well by "
        f"{result['protocol']['ends well']}. In parentheses: 95 % intervals, and the extremes.\n\n{table(head, rows)}"
        f"\n\n{made}"
    )


def doctor(result: dict[str, Any]) -> str:
    def cell(found: dict[str, Any]) -> str:
        low, high = found["interval"]
        return f"{found['right']} of {found['of']} ({low:.0%}–{high:.0%})" if found["of"] else ""

    halves = {"lines may be drawn on it": "first", "for the report": "second"}
    rows = []
    for words, name in halves.items():
        found = result["summary"][name]
        shares = [cell(found[column]) for column in ("sensitivity", "in_time", "false_alarms")]
        delay = found["delay"]["median"]
        rows.append([f"{name}: {words}", str(found["runs"]), *shares, "" if delay is None else f"{delay:.0%}"])
    head = ["half", "runs", "failing runs found", "… within 10 % of the run", "false alarms", "median delay"]
    kinds = [
        [name, cell(row["found"]), str(row["named"])]
        for name, row in result["summary"]["second"]["by_disorder"].items()
    ]
    return (
        "### The doctor\n\nFailures planted in small runs on pictures of known kinds, beside as many healthy runs; "
        "whether a run fails is measured on images that the doctor does not see. Of those that failed by a setting, "
        f"{cell(result['rescue']) or 'none was tried'} ended well when they could step back.\n\n{table(head, rows)}\n\n"
        f"{table(['planted (second half)', 'found', 'named so'], kinds)}\n\n"
        f"{source({**result, 'command': 'python benchmarks/doctor.py'})}"
    )


def parzen(result: dict[str, Any]) -> str:
    rows = [["*published*: adversarial networks, Goodfellow et al. 2014", "**225** ± 2", "1", "", ""]]
    for name, row in result["table"].items():
        looks = row["seeds"].values()
        each = ", ".join(f"{look['test']:.0f} ± {look['error']:.1f}" for look in looks)
        steps = ", ".join(f"{look['step']:,}" for look in looks)
        spread = "" if row["std"] is None else f" ± {row['std']:.1f}"
        rows.append([name, f"**{row['mean']:.0f}**{spread}", str(len(looks)), each, steps])
    for name, look in result["controls"].items():
        rows.append([f"*{name} in the place of samples*", f"{look['test']:.0f} ± {look['error']:.1f}", "", "", ""])
    head = ["Parzen log-likelihood of MNIST's test set", "nats, ± over seeds", "seeds", "each, ± over images", "steps"]
    made = source({**result, "command": "python benchmarks/parzen.py --runs DIR"})
    minutes = max(spent for row in result["table"].values() for spent in row["core_minutes"].values())
    return (
        "### The first table\n\nThe experiment of 2014 by its own protocol: 10,000 samples, a Gaussian around each, "
        f"its width and the epoch chosen on {result['protocol']['validation_images']:,} images not trained on. The "
        "paper called the measure poor, and it is: centres of clusters beat real images. *Averaged* is the moving "
        f"average of the generator, which the paper did not have. A seed took up to {minutes:.0f} minutes of one "
        "core.\n\n"
        f"{table(head, rows)}\n\n{made}"
    )


def arithmetic(result: dict[str, Any]) -> str:
    counts = sorted({row["exemplars"] for row in result["table"]})
    others = list(dict.fromkeys(row["b"] for row in result["table"]))
    found = {(row["a"], row["b"], row["exemplars"]): row for row in result["table"]}
    rows = []
    for a in dict.fromkeys(row["a"] for row in result["table"]):
        line = [a, f"{result['attributes'][a]['real faces']:.0%}"]
        for b in others:
            cells = [found.get((a, b, count)) for count in counts]
            right = " / ".join("–" if cell is None else f"{100 * cell['right']:.0f}" for cell in cells)
            line.append("" if a == b else f"{right} ({100 * found[a, b, counts[0]]['chance']:.0f})")
        rows.append(line)
    head = ["A", "of real faces", *(f"without {b}" for b in others)]
    return (
        "### Latent arithmetic\n\nA face with A and B, less one with B alone, plus one with neither: in how many of "
        f"100 sums of mean latents A is there and B is not, with {', '.join(map(str, counts))} exemplars in each mean, "
        "and by chance. Judged by a network that did not pick the exemplars; means over 3 seeds. The model is that of "
        f"avatars that travels along, which was told no attribute.\n\n{table(head, rows)}\n\n{source(result)}"
    )


SECTIONS = {
    "picture": picture,
    "parzen": parzen,
    "step_speed": step_speed,
    "step_quality": step_quality,
    "step_compile": step_compile,
    "toy_speed": toy_speed,
    "reliability": reliability,
    "doctor": doctor,
    "arithmetic": arithmetic,
    "time_to_quality": time_to_quality,
    "loader_speed": loader,
    "kills": kills,
}


PAGES = {
    "README.md": SECTIONS,
    "docs/tricks.md": {"tricks": tricks, "small_data": small_data, "feature_reuse": feature_reuse},
    "docs/mode-collapse.md": {"modes_2d": modes_2d, "stacked_mnist": stacked_mnist},
}


def text(sections: Mapping[str, Callable[[dict[str, Any]], str]]) -> str:
    """Everything that belongs between the markers of a page."""
    parts = [write(result) for name, write in sections.items() if (result := load(name)) is not None]
    return "\n\n".join(parts)


def written(page: Path) -> str:
    """The page as the results say it is."""
    head, _, rest = page.read_text(encoding="utf-8").partition(START)
    _, _, tail = rest.partition(END)
    return f"{head}{START}\n\n{text(PAGES[page.relative_to(ROOT).as_posix()])}\n\n{END}{tail}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    pages = [ROOT / name for name in PAGES]
    after = {page: written(page) for page in pages}
    if options.check:
        return int(any(page.read_text(encoding="utf-8") != text for page, text in after.items()))
    for page, text in after.items():
        page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
