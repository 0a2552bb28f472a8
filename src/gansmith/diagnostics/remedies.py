"""What to change in a recipe, with the flag as it is typed and the field as a file holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gansmith.diagnostics.verdict import Remedy

__all__ = [
    "Change",
    "augmented",
    "awake",
    "cure",
    "even",
    "first",
    "lighter",
    "milder",
    "paced",
    "penalised",
    "remedy",
    "slower",
    "steady",
    "unsaturated",
    "unusual",
    "wider",
]

Settings = Mapping[str, Any]
USUAL = {"adam": 0.002, "sgd": 0.1}
"""Learning rates that the recipes here do well with at most; one above, or far below, is a suspect."""


class Change(NamedTuple):
    """A change of a recipe.

    Args:
        words: what is done, with its flag: "lower the learning rate: --lr 0.0005".
        settings: the fields by dotted name.
    """

    words: str
    settings: dict[str, Any]


def remedy(*changes: Change | None, otherwise: str = "", anew: str = "") -> Remedy:
    """A remedy of all changes that there are; of none, the words that remain; then what only a new run can change.

    Example:
        >>> remedy(Change("lower the learning rate: --lr 0.1", {"lr": 0.1}), None).sentence
        'Lower the learning rate: --lr 0.1'
    """
    made = [change for change in changes if change is not None]
    words = "; ".join(filter(None, ("; ".join(change.words for change in made) or otherwise, anew)))
    settings = {name: value for change in made for name, value in change.settings.items()}
    return Remedy(sentence=words[:1].upper() + words[1:], settings=settings)


def cure(settings: Settings, *, otherwise: str = "", anew: str = "") -> Remedy:
    """What is unusual is put right; only where nothing is, the usual is made milder.

    Example:
        >>> cure({"dynamics.alternating.optimizer.adam.lr": 0.05}).sentence
        'Lower the learning rate: --lr 0.002'
        >>> cure({"dynamics.alternating.optimizer.adam.lr": 0.001}).sentence
        'Lower the learning rate: --lr 0.0005'
    """
    return remedy(*(unusual(settings) or milder(settings)), otherwise=otherwise, anew=anew)


def unusual(settings: Settings) -> list[Change]:
    """Changes that undo what few recipes do: a loss that saturates, uneven or odd rates, much momentum, no penalty."""
    suspects = (
        unsaturated(settings),
        even(settings),
        steady(settings),
        penalised(settings, anew=True),
        paced(settings),
    )
    return [change for change in suspects if change is not None]


def milder(settings: Settings) -> list[Change]:
    """Changes that make any game calmer: a stronger penalty, and smaller steps."""
    return [change for change in (penalised(settings), slower(settings)) if change is not None]


def first(*changes: Change | None) -> Change | None:
    """The first change that there is."""
    return next((change for change in changes if change is not None), None)


def slower(settings: Settings, *, times: float = 2.0) -> Change | None:
    """A learning rate that is so many times smaller, and no larger than usual; None where it is not known.

    Example:
        >>> slower({"dynamics.alternating.optimizer.adam.lr": 0.002}).words
        'lower the learning rate: --lr 0.001'
    """
    place = _place(settings, ".lr", under="dynamics.")
    if place is None:
        return None
    new = _rounded(min(float(settings[place]) / times, _usual(settings, place)))
    return Change(f"lower the learning rate: --lr {new:g}", {place: new})


def paced(settings: Settings, *, far: float = 50.0) -> Change | None:
    """The usual learning rate in place of one above it, or more than `far` times below it.

    Example:
        >>> paced({"dynamics.alternating.optimizer.adam.lr": 1e-6}).words
        'raise the learning rate: --lr 0.002'
    """
    place = _place(settings, ".lr", under="dynamics.")
    if place is None:
        return None
    rate, usual = float(settings[place]), _usual(settings, place)
    if usual / far <= rate <= usual:
        return None
    return Change(f"{'lower' if rate > usual else 'raise'} the learning rate: --lr {usual:g}", {place: usual})


def even(settings: Settings, *, far: float = 1.5) -> Change | None:
    """One rate for both players, where theirs differ by more than `far`.

    Example:
        >>> fields = {"dynamics.alternating.optimizer.adam.lr": 0.1, "dynamics.alternating.rates.generator": 10.0}
        >>> even(fields).settings
        {'dynamics.alternating.rates': {'discriminator': 1.0, 'generator': 1.0}}
    """
    lr = _place(settings, ".lr", under="dynamics.")
    if lr is None:
        return None
    moves = lr.rsplit(".optimizer.", 1)[0]
    given = settings.get(f"{moves}.rates") or {}
    rates = [float(settings.get(f"{moves}.rates.{who}", given.get(who, 1.0))) for who in ("discriminator", "generator")]
    if max(rates) <= far * min(rates):
        return None
    same = {"discriminator": 1.0, "generator": 1.0}
    return Change(
        "let both players move at one rate: --dynamics.rates discriminator=1 generator=1", {f"{moves}.rates": same}
    )


def steady(settings: Settings) -> Change | None:
    """Less momentum, where there is more than half."""
    place = _place(settings, ".beta1", under="dynamics.") or _place(settings, ".momentum", under="dynamics.")
    if place is None or float(settings[place]) <= 0.5:
        return None
    new = 0.5 if place.endswith("beta1") else 0.0
    flag = place.rsplit(".", 1)[-1]
    return Change(f"less momentum: --dynamics.optimizer.{flag} {new:g}", {place: new})


def penalised(settings: Settings, *, times: float = 3.0, anew: bool = False) -> Change | None:
    """A penalty on the discriminator's slope where there is none, a stronger one where there is R1 or R2.

    Args:
        settings: the recipe's fields.
        times: with what a weight is multiplied.
        anew: leave penalties that are there alone.

    Example:
        >>> penalised({"game.adversarial.penalties": []}).words
        'add a penalty on the slope: --penalties r1 --game.penalties.r1.gamma 0.2'
        >>> penalised({"game.adversarial.penalties": [{"r1": {"gamma": 0.2}}]}).settings
        {'game.adversarial.penalties': [{'r1': {'gamma': 0.6}}]}
    """
    place = _place(settings, ".penalties", under="game.")
    if place is None:
        return None
    there = [item if isinstance(item, Mapping) else {item: {}} for item in settings[place] or ()]
    if there:
        return None if anew else _weighted(place, there, times, "a stronger penalty")
    if _is_loss(settings, place, "wasserstein"):
        return Change("bound the critic's slope: --penalties wgan_gp", {place: ["wgan_gp"]})
    gamma = 0.2 if _pixels(settings) <= 40 else 1.0
    words = f"add a penalty on the slope: --penalties r1 --game.penalties.r1.gamma {gamma:g}"
    return Change(words, {place: [{"r1": {"gamma": gamma}}]})


def lighter(settings: Settings, *, times: float = 10.0) -> Change | None:
    """A weaker penalty on the discriminator's slope, where there is R1 or R2."""
    place = _place(settings, ".penalties", under="game.")
    if place is None:
        return None
    there = [item if isinstance(item, Mapping) else {item: {}} for item in settings[place] or ()]
    return _weighted(place, there, 1 / times, "a weaker penalty")


def unsaturated(settings: Settings) -> Change | None:
    """The loss whose gradient does not vanish where the discriminator is sure, in place of the minimax one."""
    place = _place(settings, ".penalties", under="game.")
    if place is None or not _is_loss(settings, place, "minimax"):
        return None
    loss = _loss(place)
    return Change("take the loss that does not saturate: --loss non_saturating", {loss: "non_saturating"})


def augmented(settings: Settings) -> Change | None:
    """Images moved at random before the discriminator, where they are not."""
    if "augment.translation" not in settings or float(settings["augment.translation"]) >= 0.125:
        return None
    return Change("augment the images: --augment.translation 0.125", {"augment.translation": 0.125})


def wider(settings: Settings) -> str:
    """In words, networks twice as wide; no run can change them on its way.

    Example:
        >>> wider({"networks.dcgan.width": 32})
        'start anew with wider networks: --networks.width 64'
    """
    place = _place(settings, ".width", under="networks.")
    return "start anew with wider networks" + (f": --networks.width {2 * int(settings[place])}" if place else "")


def awake(settings: Settings) -> str:
    """In words, initial weights with which the discriminator learns from the first step on, where it has others.

    Example:
        >>> awake({"networks.dcgan.discriminator_init": "normal", "networks.dcgan.discriminator_norm": "none"})
        'if it comes back, start anew with --networks.discriminator-init he'
    """
    small = _place(settings, ".discriminator_init", under="networks.")
    norm = _place(settings, ".discriminator_norm", under="networks.")
    if small is None or settings[small] == "he" or norm is None or settings[norm] != "none":
        return ""
    return "if it comes back, start anew with --networks.discriminator-init he"


def _weighted(place: str, there: list[Mapping[str, Any]], times: float, what: str) -> Change | None:
    changed, words = [], []
    for item in there:
        [(tag, given)] = item.items()
        if tag in ("r1", "r2") and isinstance(given, Mapping) and "gamma" in given:
            gamma = _rounded(float(given["gamma"]) * times)
            words.append(f"--game.penalties.{tag}.gamma {gamma:g}")
            changed.append({tag: {**given, "gamma": gamma}})
        else:
            changed.append({tag: given})
    return Change(f"{what}: {' '.join(words)}", {place: changed}) if words else None


def _loss(penalties: str) -> str:
    """The field of the loss, beside that of the penalties."""
    return penalties.removesuffix(".penalties") + ".loss"


def _is_loss(settings: Settings, penalties: str, tag: str) -> bool:
    """Whether the loss of the game with those penalties is the one of that name."""
    loss = _loss(penalties)
    return settings.get(loss) == tag or any(name.startswith(f"{loss}.{tag}") for name in settings)


def _usual(settings: Settings, place: str) -> float:
    """The usual learning rate of the optimiser whose field that is; of an unknown one, what is there."""
    return USUAL.get(place.split(".")[-2], float(settings[place]))


def _place(settings: Settings, ending: str, *, under: str) -> str | None:
    """The field that ends so, if there is one."""
    return next((name for name in settings if name.startswith(under) and name.endswith(ending)), None)


def _pixels(settings: Settings) -> int:
    """The longer side of an image, where the recipe says so; 28 otherwise."""
    size = settings.get("size")
    sides = str(size).split("x") if isinstance(size, str) else size or ()
    return max((int(side) for side in sides), default=28)


def _rounded(x: float) -> float:
    return float(f"{x:.2g}")
