"""The model card: what somebody who finds a model must know before they use it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gansmith.training.model import Model

__all__ = ["model_card"]


def model_card(model: Model, config: Mapping[str, Any], *, name: str, size: int) -> str:
    """The text of README.md in a pretrained folder.

    Args:
        model: what the card is about.
        config: what ``config.json`` says of it.
        name: the folder's name.
        size: bytes of the weights.
    """
    licence = config["licence"]
    sections = [
        _front_matter(model, licence),
        f"# {name}",
        _what(model),
        f"![Samples](samples.png)\n\n{_about_the_grid(model)}",
        _use(model),
        _training(model, config, size),
        _quality(model),
        _limits(model),
        "## Licence\n\n" + (f"The weights are under `{licence}`." if licence else "None was given: ask the authors."),
    ]
    return "\n\n".join(sections) + "\n"


def _front_matter(model: Model, licence: str | None) -> str:
    lines = [
        "library_name: gansmith",
        "pipeline_tag: unconditional-image-generation",
        "tags: [gansmith, gan, image-generation]",
    ]
    if licence:
        lines.insert(0, f"license: {licence.lower()}")
    return "\n".join(["---", *lines, "---"])


def _pictures(model: Model) -> str:
    channels, height, width = model.shape
    kind = {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
    return f"{kind} pictures of {height}×{width} pixels (height×width)"


def _data(model: Model) -> str:
    return f"`{model.data}`" if model.data else "data that nobody named"


def _what(model: Model) -> str:
    classes = f" It draws any of {len(model.classes)} classes that it is asked for." if model.classes else ""
    return (
        f"The generator of a generative adversarial network. It turns {model.latent} random numbers into "
        f"{_pictures(model)} like those of {_data(model)}.{classes}"
    )


def _about_the_grid(model: Model) -> str:
    columns = ""
    if 1 < len(model.classes) <= 10:
        columns = f" One column for each class: {', '.join(model.classes)}."
    return f"Samples of seed {model.recipe.seed}; none was picked out.{columns}"


def _use(model: Model) -> str:
    label = ", labels=" + json.dumps(model.classes[0], ensure_ascii=False) if model.classes else ""
    flag = " --label " + _quoted(model.classes[0]) if model.classes else ""
    channels, height, width = model.shape
    known = ""
    if model.classes:
        shown = ", ".join(f"{i} {c}" if c != str(i) else c for i, c in enumerate(model.classes[:40]))
        known = f"\n\nClasses, by number or by name: {shown}{', …' if len(model.classes) > 40 else ''}."
    return f"""## How to use it

```python
import gansmith as gs

model = gs.from_pretrained("FOLDER")  # this folder, or owner/name on the Hugging Face Hub
images = model.sample(16, seed=0{label})  # a tensor of shape (16, {channels}, {height}, {width}) in [-1, 1]
```

```sh
gansmith sample FOLDER -n 16 --seed 0{flag} --out grid.png
```

Sample *i* depends on the seed and *i* alone.{known}"""


def _quoted(text: str) -> str:
    return text if text.isidentifier() or text.isdecimal() else f'"{text}"'


def _training(model: Model, config: Mapping[str, Any], size: int) -> str:
    recipe = model.recipe
    count = sum(p.numel() for p in model.generator.parameters())
    stored = "half precision" if config["weights"]["stored"] == "float16" else "single precision"
    rows = {
        "data": _data(model) + (f", SHA-256 `{model.fingerprint[:16]}…`" if model.fingerprint else ""),
        "recipe": f"`{recipe.name}`" + (f": {recipe.about}" if recipe.about else ""),
        "training": f"{model.step:,} steps of {recipe.batch} pictures, seed {recipe.seed}",
        "weights": f"moving average with a half-life of {recipe.average.half_life:g} steps",
        "parameters": f"{count:,}, stored in {stored} ({size / 1e6:.1f} MB)",
        "made with": f"gansmith {config['gansmith']}",
    }
    table = "\n".join(("| | |", "|---|---|", *(f"| {key} | {_cell(value)} |" for key, value in rows.items())))
    return f"""## How it was trained

{table}

<details><summary>The whole recipe</summary>

`gansmith train --config recipe.yaml`, with this in `recipe.yaml`, does the same again.

```yaml
{config["recipe"].rstrip()}
```

</details>"""


def _quality(model: Model) -> str:
    scores = (model.evaluation or {}).get("scores", {})
    if not scores:
        return "## How good it is\n\nNobody has measured it. `gansmith evaluate FOLDER` does."
    table = "\n".join(
        ("| measure | value |", "|---|---|", *(f"| {_cell(key)} | {_figure(found)} |" for key, found in scores.items()))
    )
    protocol = {key: value for key, value in (model.evaluation or {}).get("protocol", {}).items() if value is not None}
    text = f"## How good it is\n\n{table}"
    if protocol:
        said = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in protocol.items())
        text += f"\n\nMeasured with: {said}. Numbers of another protocol do not compare with these."
    return text


def _figure(found: float | Mapping[str, Any]) -> str:
    """A score as the evaluation wrote it: a mapping, or a bare value from before there were intervals."""
    if not isinstance(found, Mapping):
        return f"{found:.4g}"
    text, low, high = f"{found['value']:.4g}", found.get("low"), found.get("high")
    if low is None:
        return text
    return f"at least {text}" if high is None else f"{text} ({low:.4g} to {high:.4g})"


def _limits(model: Model) -> str:
    return f"""## Limits

- It has seen {_data(model)} and nothing else: it draws what is there, with the prejudices of those data.
- A sample can come close to a training picture. Do not use it to make private data public.
- It leaves out some of the variety of the data, as such networks do; recall, where it was measured, says how much.
- It was not made for decisions about people, and its pictures are evidence of nothing."""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
