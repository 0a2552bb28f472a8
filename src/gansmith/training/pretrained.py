"""Trained models as folders: weights that cannot run code, a description that machines read, and one for people."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

import gansmith
from gansmith.files import write_atomically
from gansmith.games import names_labels
from gansmith.networks import classifier
from gansmith.spelling import suggestion
from gansmith.training.card import model_card
from gansmith.training.checkpoints import Checkpoints, refuse_pickle
from gansmith.training.config import from_yaml, merge, parse, to_yaml
from gansmith.training.engine import pick_device
from gansmith.training.hub import fetch, upload
from gansmith.training.model import Model, known
from gansmith.training.pictures import save_grid
from gansmith.training.recipe import Recipe
from gansmith.training.session import bare, judge_of, load_weights, unaugmented
from gansmith.training.treatment import treated

__all__ = [
    "by_network",
    "from_pretrained",
    "load",
    "load_discriminator",
    "push_to_hub",
    "read_pretrained",
    "save_pretrained",
    "shipped",
]

FORMAT = 1
"""The version of the folder's format that is written."""

CONFIG, WEIGHTS, GRID, CARD = "config.json", "model.safetensors", "samples.png", "README.md"
SHIPPED = Path(gansmith.__file__).parent / "pretrained"
CLASSIFIER = "classifier/"
"""Before the names of the classifier's weights, where a model has one; no module's name has a slash."""

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def shipped() -> tuple[str, ...]:
    """The names of the models that travel inside the package."""
    return tuple(sorted(path.parent.name for path in SHIPPED.glob(f"*/{CONFIG}")))


def load(path: Path | str, *, device: str = "auto", recipe: Recipe | None = None, allow_code: bool = False) -> Model:
    """The model of a run, of one of its checkpoints, of a pretrained folder, or of a name that the package brings.

    Args:
        path: a run (its newest valid checkpoint is taken), a checkpoint, a pretrained folder, or a name.
        device: where to put the generator.
        recipe: in the place of the saved one, where that has networks that cannot be written down.
        allow_code: import the networks of one's own that the recipe names.

    Raises:
        ValueError: there is no such model, or it is damaged, a pickle, or another network than its recipe says.
    """
    folder = Path(path).expanduser()
    refuse_pickle(folder)
    if not (folder / CONFIG).is_file() and not (folder / "config.yaml").is_file():
        if str(path) in shipped():
            folder = SHIPPED / str(path)
        elif _run_of(folder) is None:
            raise ValueError(_nothing_at(path, folder))
    if (found := _run_of(folder)) is not None:
        return _of_run(*found, device, recipe, allow_code)
    tensors, config = read_pretrained(folder)
    recipe, described = (recipe, "") if recipe else _recipe(config["recipe"], allow_code)
    generator, judge = by_network(tensors)
    model = _assembled(recipe, described, generator, config, config["step"], config.get("evaluation"), device)
    return model if not judge else replace(model, classifier=_classifier(model, judge))


def load_discriminator(path: Path | str, *, recipe: Recipe | None = None, allow_code: bool = False) -> nn.Module:
    """The discriminator of a run, or of one of its checkpoints, as it was trained, on the CPU and in evaluation mode.

    Args:
        path: a run (its newest valid checkpoint is taken) or a checkpoint; a pretrained folder holds no discriminator.
        recipe: in the place of the saved one, where that has pieces that cannot be written down.
        allow_code: import the pieces of one's own that the recipe names.

    Raises:
        ValueError: there is no such run, or it is damaged, or another network than its recipe says.
    """
    folder = Path(path).expanduser()
    refuse_pickle(folder)
    if (found := _run_of(folder)) is None:
        kept = str(path) in shipped() or (folder / CONFIG).is_file()
        why = "a pretrained model holds a generator only" if kept else "there is no run"
        raise ValueError(f"{path} has no discriminator: {why}; give a run, such as runs/00001-photos")
    run, checkpoint = found
    tree, facts = _checkpoint(run, checkpoint)
    about = known(facts)
    if recipe is None:
        recipe = from_yaml((run / "config.yaml").read_text(encoding="utf-8"), allow_code=allow_code)
    recipe = treated(recipe, tree.get("decisions", ()))
    classes = len(about["classes"])
    named = len(about["names"]) or (classes if names_labels(recipe.game) else 0)
    with torch.random.fork_rng(devices=[]):
        judge = judge_of(recipe, about["shape"], classes=classes, named=named)
    judge = unaugmented(judge)
    load_weights(judge, bare(tree["players"]["discriminator"]), "discriminator")
    return judge.eval().requires_grad_(False)


def from_pretrained(
    name: Path | str, *, revision: str | None = None, device: str = "auto", allow_code: bool = False
) -> Model:
    """As `load`, and also the model of a repository ``owner/name`` on the Hugging Face Hub, fetched once.

    Args:
        name: what `load` takes, or a repository's name.
        revision: a branch, tag or commit of the repository.
        device: where to put the generator.
        allow_code: import the networks of one's own that the recipe names.

    Raises:
        ValueError: as in `load`; or the repository cannot be fetched.
    """
    if Path(name).expanduser().exists() or not _HUB_NAME.fullmatch(str(name)):
        return load(name, device=device, allow_code=allow_code)
    return load(fetch(str(name), (CONFIG, WEIGHTS), revision=revision), device=device, allow_code=allow_code)


def save_pretrained(
    model: Model, folder: Path | str, *, licence: str | None = None, half: bool = False, force: bool = False
) -> Path:
    """Write a model as a folder to share: ``model.safetensors``, ``config.json``, ``README.md`` and ``samples.png``.

    Args:
        model: what to write.
        folder: where to: a new folder or an empty one.
        licence: an SPDX identifier such as ``mit``, for the card; None says that none was given.
        half: store matrices and kernels in half precision, which halves the file and changes samples by about 1e-3.
        force: replace a model that is in the folder already; other files are never replaced.

    Returns:
        The folder.

    Raises:
        ValueError: the folder holds something already, or weights are too large for half precision.
    """
    folder = Path(folder).expanduser()
    _check_free(folder, force)
    judge = {} if model.classifier is None else model.classifier.state_dict()
    weights_of = {**model.generator.state_dict(), **{CLASSIFIER + name: tensor for name, tensor in judge.items()}}
    tensors = {name: _stored(name, tensor, half) for name, tensor in weights_of.items()}
    weights = safetensors.torch.save(tensors, metadata={"format": "pt"})
    config = {
        "format": FORMAT,
        "gansmith": gansmith.__version__,
        "shape": list(model.shape),
        "latent": model.latent,
        "classes": list(model.classes),
        "class_shares": list(model.class_shares),
        "names": list(model.names),
        "step": model.step,
        "data": model.data,
        "fingerprint": model.fingerprint,
        "licence": licence,
        "weights": {
            "file": WEIGHTS,
            "sha256": hashlib.sha256(weights).hexdigest(),
            "stored": "float16" if half else "float32",
        },
        "evaluation": model.evaluation,
        "recipe": _without_paths(model),
    }
    images, columns = model.showcase()
    write_atomically(folder / WEIGHTS, weights)
    save_grid(images, folder / GRID, columns=columns)
    write_atomically(folder / CARD, model_card(model, config, name=folder.resolve().name, size=len(weights)).encode())
    # Last, because it is what makes the folder a model.
    write_atomically(folder / CONFIG, (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode())
    return folder


def push_to_hub(
    model: Model, name: str, *, licence: str | None = None, half: bool = False, private: bool = True
) -> str:
    """Upload the folder of `save_pretrained` to the repository ``owner/name``; return its address.

    Raises:
        ValueError: the name is not one of a repository, the package is missing, or the upload was refused.
    """
    if not _HUB_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a repository, which is written owner/name")
    with tempfile.TemporaryDirectory() as temporary:
        folder = save_pretrained(model, Path(temporary, name.rpartition("/")[2]), licence=licence, half=half)
        return upload(folder, name, private=private)


def read_pretrained(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The weights of a pretrained folder, checked against their SHA-256, and its description.

    A classifier's names begin with `CLASSIFIER`.

    Raises:
        ValueError: a file is missing, damaged, or from a newer version.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        version, expected = config["format"], config["weights"]["sha256"]
        known(config), config["recipe"], config["step"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder / CONFIG} does not describe a gansmith model ({type(error).__name__}: {error})"
        ) from error
    if version > FORMAT:
        raise ValueError(f"{folder} is in format {version}, this gansmith reads up to {FORMAT}: upgrade gansmith")
    try:
        data = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise ValueError(
            f"{folder / WEIGHTS} cannot be read ({error.strerror}); fetch or export the model again"
        ) from error
    if hashlib.sha256(data).hexdigest() != expected:
        raise ValueError(
            f"{folder / WEIGHTS} is damaged: its SHA-256 is not that of {CONFIG}; fetch or export it again"
        )
    try:
        return safetensors.torch.load(data), config
    except SafetensorError as error:
        raise ValueError(f"{folder / WEIGHTS} is not a safetensors file ({error})") from error


def _of_run(run: Path, checkpoint: Path | None, device: str, recipe: Recipe | None, allow_code: bool) -> Model:
    tree, facts = _checkpoint(run, checkpoint)
    recipe, described = (
        (recipe, "") if recipe else _recipe((run / "config.yaml").read_text(encoding="utf-8"), allow_code)
    )
    if not described:
        recipe = treated(recipe, tree.get("decisions", ()))
    found = run / "evaluation.json"
    evaluation = json.loads(found.read_text(encoding="utf-8")) if found.is_file() else {}
    if evaluation.get("step") != tree["step"]:  # of weights that the run had before
        evaluation = None
    model = _assembled(recipe, described, tree["average"], facts, tree["step"], evaluation, device)
    return model if "classifier" not in tree else replace(model, classifier=_classifier(model, tree["classifier"]))


def _run_of(folder: Path) -> tuple[Path, Path | None] | None:
    """The run that a folder is, or whose checkpoint it is, and then that; None if it is neither."""
    if (folder / "config.yaml").is_file():
        return folder, None
    if (folder / CONFIG).is_file():
        return None
    run = folder.parent.parent
    return (run, folder) if folder.parent.name == "checkpoints" and (run / "config.yaml").is_file() else None


def _checkpoint(run: Path, checkpoint: Path | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a checkpoint holds, the newest if none is named, and what it knows of the data."""
    checkpoints = Checkpoints(run / "checkpoints")
    newest = checkpoint or checkpoints.latest()
    if newest is None:
        raise ValueError(f"{run} holds no valid checkpoint yet, so there is nothing to sample from; train it first")
    return checkpoints.load(newest)


def _recipe(text: str, allow_code: bool) -> tuple[Recipe, str]:
    """The recipe of a text; and the text, if a game or dynamics of one's own was left out: samples do not need it."""
    try:
        return from_yaml(text, allow_code=allow_code), ""
    except ValueError:
        needed = {key: value for key, value in parse(text).items() if key not in ("game", "dynamics")}
        return merge(Recipe(), needed, allow_code=allow_code), text


def _assembled(
    recipe: Recipe,
    described: str,
    tensors: dict[str, Tensor],
    facts: Mapping[str, Any],
    step: int,
    evaluation: Mapping[str, Any] | None,
    device: str,
) -> Model:
    about = known(facts)
    # The initial weights are overwritten; drawing them is not to move anybody's random state.
    with torch.random.fork_rng(devices=[]):
        generator = recipe.networks.generator(about["shape"], latent=recipe.latent, classes=len(about["classes"]))
    load_weights(generator, tensors, "generator")
    generator = generator.eval().requires_grad_(False).to(pick_device(device))
    if any(p.dim() == 4 for p in generator.parameters()):
        generator = generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Model(generator=generator, recipe=recipe, described=described, step=step, evaluation=evaluation, **about)


def by_network(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A folder's weights: the generator's, and the classifier's."""
    generator = {name: tensor for name, tensor in tensors.items() if not name.startswith(CLASSIFIER)}
    judge = {name.removeprefix(CLASSIFIER): tensor for name, tensor in tensors.items() if name not in generator}
    return generator, judge


def _classifier(model: Model, tensors: dict[str, Tensor]) -> nn.Module:
    """The network of a model that was taught to classify."""
    with torch.random.fork_rng(devices=[]):
        network = classifier(model.recipe.networks, model.shape, classes=len(model.names))
    load_weights(network, tensors, "classifier")
    return network.eval().requires_grad_(False).to(model.device)


def _without_paths(model: Model) -> str:
    """The recipe as text, with the data's name where it has a path: how somebody's folders are called is not shared."""
    text = model.described or to_yaml(model.recipe)
    if not re.search(r"[/\\]", model.recipe.data):
        return text
    return re.sub(r"(?m)^data:.*$", lambda _: f"data: {json.dumps(model.data or 'images')}", text, count=1)


def _stored(name: str, tensor: Tensor, half: bool) -> Tensor:
    # Vectors stay as they are: they are small, and batch norm's variances need their range.
    halved = half and tensor.is_floating_point() and tensor.ndim > 1
    dtype = torch.float16 if halved else tensor.dtype
    stored = tensor.detach().to("cpu", dtype).clone(memory_format=torch.contiguous_format)
    if halved and not bool(stored.isfinite().all()):
        raise ValueError(f"{name} has weights that half precision cannot hold; leave half off")
    return stored


def _check_free(folder: Path, force: bool) -> None:
    if folder.is_file():
        raise ValueError(f"{folder} is a file; give a folder to write the model to")
    if folder.is_dir() and any(folder.iterdir()):
        try:
            mine = "gansmith" in json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError):
            mine = False
        if not mine:
            raise ValueError(
                f"{folder} holds other files, which a model would mingle with or replace; choose a new folder"
            )
        if not force:
            raise ValueError(f"{folder} holds a model already; choose a new folder, or replace that one with --force")


def _nothing_at(path: Path | str, folder: Path) -> str:
    if folder.exists():
        return f"{path} is neither a run nor a pretrained model: it has no config.yaml and no config.json"
    names = shipped()
    hint = suggestion(str(path), names) if names else "; give a run's directory or a pretrained model's"
    return f"there is no run, no folder and no shipped model {str(path)!r}{hint}"
