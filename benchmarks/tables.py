"""Tables in Markdown, made of results: how they are written, and those of the guides."""

from collections.abc import Iterable
from typing import Any


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def source(result: dict[str, Any]) -> str:
    """Which command made it, where."""
    machine = result["machine"]
    return f"`{result['command']}` · {machine['processor']}, {machine['cores']} cores, torch {machine['torch']}"


def collected(command: str, runs: Iterable[dict[str, Any]] | None = None) -> str:
    """The same of runs that were added to a file one by one: the last one says nothing of the others.

    Args:
        command: that adds them.
        runs: they, where each says on which machine it was made.
    """
    if runs is None:
        return f"`{command}` · runs added one by one, on more than one machine of 2 cores"
    return f"`{command}` · runs added one by one, on {' and '.join(sorted({run['machine'] for run in runs}))}"


def mean_std(values: list[float], digits: int = 2) -> str:
    mean = sum(values) / len(values)
    std = (sum((v - mean) ** 2 for v in values) / max(1, len(values) - 1)) ** 0.5
    return f"{mean:.{digits}f} ± {std:.{digits}f}"


def give_or_take(row: dict[str, Any], name: str, form: str) -> str:
    """A mean with its deviation over seeds; nothing where nothing was measured."""
    if row.get(name) is None:
        return ""
    return f"{row[name]:{form}} ± {row[f'{name}_std']:{form}}"


def tricks(result: dict[str, Any]) -> str:
    rows = []
    steps = result["protocol"]["steps"]
    for row in (row for row in result["table"] if row["steps"] == steps):
        broken = f", {row['broke_down']} broke down" if row["broke_down"] else ""
        rows.append(
            [
                row["row"],
                f"{row['seeds']}{broken}",
                give_or_take(row, "score", ".1f"),
                give_or_take(row, "sure", ".2f"),
                give_or_take(row, "recall", ".2f"),
                f"{row['rarest']:.3f}" if "rarest" in row else "",
                f"{row['cost']:.2f}" if "cost" in row else "",
                give_or_take(row, "elsewhere", ".1f"),
            ]
        )
    real = result["control"]
    rows.append(
        ["*real digits*", "", *(f"{real[n]:.2f}" for n in ("score", "sure", "recall")), f"{real['rarest']:.3f}", "", ""]
    )
    head = ["", "seeds", "Fréchet distance", "sure", "recall", "rarest class", "cost", "with another reference batch"]
    return (
        "## What each is worth\n\n*Bare* is the pair of Radford et al. 2016 with the non-saturating cost at one "
        "constant rate, as one first writes it. Each trick is put on it alone; from the recipe, which has several, "
        "each is taken away. What helps a bare game may do nothing for one that is sound already.\n\nThe embedded "
        f"digits, {steps:,} steps; 10,000 samples against MNIST's test set, mean ± deviation over seeds. *Sure*: "
        "samples that a calibrated classifier is sure of, relative to real digits. *Cost*: processor time a step, over "
        "bare's.\n\n"
        f"{table(head, rows)}\n\n{collected('python benchmarks/tricks.py', result['runs'].values())}"
    )


def small_data(result: dict[str, Any]) -> str:
    rows = []
    length = result["protocol"]["steps"]
    for row in (row for row in result["table"] if row["steps"] == length):
        steps = [f"{step:,}" if step else "–" for step in row["warned"]]
        rows.append(
            [
                row["data"],
                f"{row['count']:,}",
                row["method"],
                str(row["seeds"]),
                give_or_take(row, "score", ".1f"),
                f"{row['real']['score']:.1f}",
                give_or_take(row, "coverage", ".2f"),
                f"{row['authentic']:.2f}" if row["authentic"] is not None else "",
                f"{row['real']['authentic']:.2f}",
                "" if row["method"] == "textbook" else ", ".join(steps),
            ]
        )
    head = ["data", "pictures", "method", "seeds", "Fréchet distance", "of the pictures themselves", "coverage"]
    head += ["authentic", "of new pictures", "warned at step"]
    return (
        f"## Few pictures\n\n{length:,} steps; 10,000 samples against pictures that nobody "
        f"trained on, mean ± deviation over seeds.\n\n{table(head, rows)}\n\n"
        f"{collected('python benchmarks/small_data.py', result['runs'].values())}"
    )


def feature_reuse(result: dict[str, Any]) -> str:
    counts = [str(count) for count in result["protocol"]["labels"]]
    rows = [
        [row["features"], f"{row['dimensions']:,}"]
        + [f"{row[count]['error']:.1%} ± {row[count]['std']:.1%}" for count in counts]
        for row in result["table"]
    ]
    head = ["features", "dimensions", *(f"errors with {int(count):,} labels" for count in counts)]
    return (
        "## What a discriminator has learnt to see\n\nErrors on Fashion-MNIST's test set of a linear support vector "
        "machine on the convolutions of a discriminator that never saw a label (Radford et al. 2016, section 5), mean "
        f"± deviation over {result['table'][0]['seeds']} seeds.\n\n{table(head, rows)}\n\n"
        f"{collected('python benchmarks/feature_reuse.py', result['runs'])}"
    )


def stacked_mnist(result: dict[str, Any]) -> str:
    rows = [
        [
            row["method"],
            result["protocol"]["methods"][row["method"]],
            str(row["seeds"]),
            f"{row['steps']:,}",
            f"{row['images']:,}",
            f"{row['minutes']:.0f}",
            ", ".join(map(str, row["modes"])),
            f"{row['kl']:.3f} ± {row['kl_std']:.3f}",
        ]
        for row in result["table"]
    ]
    real = result["control"]
    rows.append(["*real pictures*", "", "", "", "", "", str(real["modes"]), f"{real['kl']:.3f}"])
    head = ["method", "", "seeds", "steps", "images", "minutes of a core", "modes of 1,000", "KL, nats"]
    return (
        f"## A thousand modes\n\nStacked MNIST, 26,000 samples; KL from the training pictures' own histogram.\n\n"
        f"{table(head, rows)}\n\n{collected('python benchmarks/stacked_mnist.py')}"
    )
