"""A recipe: everything that decides what a run does, as one value."""

from __future__ import annotations

import math
from dataclasses import dataclass, is_dataclass, replace
from typing import Any, Literal, get_args

from gansmith.dynamics import SGD, Alternating, Schedule
from gansmith.games import AdversarialGame, SemiSupervised, learns_labels
from gansmith.latent import Noise
from gansmith.networks import DCGAN, Architecture
from gansmith.training.engine import Precision
from gansmith.types import Dynamics, Game, check_piece

__all__ = ["Augmentation", "Averaging", "Execution", "Recipe", "Schedules", "rebatched", "settled"]


OnFailure = Literal["warn", "stop", "rollback"]
"""What a run does when it is seen to fail."""


def _check_least(value: object, least: int, *names: str) -> None:
    for name in names:
        number = getattr(value, name)
        if not isinstance(number, int | float):
            raise ValueError(f"{name} must be a number, not {number!r}")
        if number < least:
            raise ValueError(f"{name} must be at least {least}, not {number}")


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is done to real and generated images alike before the discriminator sees them (Zhao et al. 2020).

    With few images a discriminator learns them by heart, and shows it by being right ever more often. With `adaptive`
    the share of images to which each transformation is done rises while it is right more often than that, and falls
    while it is less often (Karras et al. 2020, section 3); it is ``augmented`` in ``metrics.jsonl``.

    Args:
        flip: mirror left and right at random, in the data itself. Not for digits and letters.
        colour: random brightness, saturation and contrast.
        translation: the largest shift, as a share of the side, in [0, 1).
        cutout: the side of a square that is blanked, as a share of the side, in [0, 1).
        adaptive: how often the discriminator may tell a real image from a generated one, in (1/2, 1); at 0 all images
            are transformed from the first step on.

    Raises:
        ValueError: `adaptive` is outside its range, or there is nothing that it could be done to.
    """

    flip: bool = False
    colour: bool = False
    translation: float = 0.0
    cutout: float = 0.0
    adaptive: float = 0.0

    def __post_init__(self) -> None:
        if self.adaptive and not 0.5 < self.adaptive < 1:
            raise ValueError(
                f"augment.adaptive is {self.adaptive}; it is how often the discriminator may be right, between 1/2 "
                "and 1, such as 0.85"
            )
        if self.adaptive and not self.differentiable:
            raise ValueError("augment.adaptive has nothing to adapt; add colour, translation or cutout")

    @property
    def differentiable(self) -> bool:
        """Whether anything is done inside the discriminator."""
        return self.colour or self.translation > 0 or self.cutout > 0


@dataclass(frozen=True, kw_only=True)
class Averaging:
    """The exponential moving average of the generator's parameters, which is what is sampled, evaluated and exported.

    Args:
        half_life: steps after which an old value counts half; 0 keeps the newest only.
        ramp: early in a run the half-life is at most this share of the steps made so far.

    Raises:
        ValueError: one of them is negative.
    """

    half_life: float = 500.0
    ramp: float = 0.05

    def __post_init__(self) -> None:
        _check_least(self, 0, "half_life", "ramp")


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Where and how the arithmetic is done.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``auto`` is bfloat16 where the processor is fast at it.
        pieces: work a batch off in this many pieces to need less memory.
        threads: threads of the CPU; 0 leaves PyTorch's choice.
        compile: compile the networks with ``torch.compile``; not with penalties on slopes, such as R1.

    Raises:
        ValueError: `pieces` is below 1 or `threads` negative.
    """

    device: str = "auto"
    precision: Precision = "auto"
    pieces: int = 1
    threads: int = 0
    compile: bool = False

    def __post_init__(self) -> None:
        _check_least(self, 1, "pieces")
        _check_least(self, 0, "threads")


@dataclass(frozen=True, kw_only=True)
class Schedules:
    """How often things are done, in steps.

    Args:
        log: a line of ``metrics.jsonl``.
        sample: a grid of samples from fixed latents.
        save: a checkpoint.
        keep: newest checkpoints that are kept.
        watch: a look for what goes wrong; 0 leaves it out.

    Raises:
        ValueError: one of them is below 1, or `watch` negative.
    """

    log: int = 25
    sample: int = 500
    save: int = 500
    keep: int = 2
    watch: int = 100

    def __post_init__(self) -> None:
        _check_least(self, 1, "log", "sample", "save", "keep")
        _check_least(self, 0, "watch")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is trained, on what, how, and for how long.

    Args:
        name: what the run is called.
        about: one sentence for people.
        data: a data specification: a name, a folder, a ``.npz`` or a zip.
        size: height and width; None takes the data's own.
        channels: 1 or 3; None takes the data's own.
        conditional: give the class labels to both players.
        labels_per_class: teach the discriminator to classify, from so many images of each class, or as many as
            there are where only some have a label; the others' labels are not looked at, and the generator is told of
            none. The game is then put into a `SemiSupervised`, unless it is
            one. 0 does without.
        networks: builds the players.
        latent: the dimension of the generator's input.
        noise: the distribution of that input, standard normal or uniform on [−√3, √3), which has unit variance too.
        game: what the players want.
        dynamics: how they move.
        held_out: share of the images that the players never see, kept to tell learning from learning by heart; at most
            256 images, none of fewer than 20.
        batch: samples in a step, over all processes. On the command line a smaller one brings more steps along, for
            as many images in all, unless their number is given too.
        steps: the run's length.
        seed: decides initial weights, batches and noise.
        augment: what is done to images before the discriminator.
        average: the moving average of the generator.
        run: where and how the arithmetic is done.
        every: how often things are logged, drawn and saved.
        on_failure: what a run does when it is seen to fail: ``warn`` says so, ``stop`` ends it, saved, and ``rollback``
            returns to the last checkpoint from before and changes what the diagnosis says.
        retries: how many times a run goes back at most; what is not finite ends it after that.

    Raises:
        ValueError: a piece or a value is not of the kind that belongs there, `latent` or `batch` is below 1, `held_out`
            outside [0, 1), `labels_per_class`, `steps` or `retries` negative, or few labels are asked for beside
            `conditional`, which gives them all.

    Example:
        >>> type(Recipe(steps=100, batch=32).networks).__name__
        'DCGAN'
    """

    name: str = "custom"
    about: str = ""
    data: str = "digits"
    size: tuple[int, int] | None = None
    channels: int | None = None
    conditional: bool = False
    labels_per_class: int = 0
    networks: Architecture = DCGAN()
    latent: int = 64
    noise: Noise = "normal"
    game: Game = AdversarialGame()
    dynamics: Dynamics = Alternating()
    held_out: float = 0.05
    batch: int = 64
    steps: int = 3000
    seed: int = 0
    augment: Augmentation = Augmentation()
    average: Averaging = Averaging()
    run: Execution = Execution()
    every: Schedules = Schedules()
    on_failure: OnFailure = "warn"
    retries: int = 2

    def __post_init__(self) -> None:
        check_piece(self.networks, Architecture, "networks", "DCGAN()")
        check_piece(self.game, Game, "game", "AdversarialGame(Hinge())")
        check_piece(self.dynamics, Dynamics, "dynamics", "Alternating()")
        if not isinstance(self.data, str):
            raise ValueError(f"data is {self.data!r}; write it as text, such as 'photos/'")
        if self.size is not None and not (isinstance(self.size, tuple) and len(self.size) == 2):
            raise ValueError(f"size is {self.size!r}; give (height, width), such as (64, 64)")
        if self.noise not in get_args(Noise):
            raise ValueError(f"noise is {self.noise!r}; it must be 'normal' or 'uniform'")
        if self.on_failure not in get_args(OnFailure):
            raise ValueError(f"on_failure is {self.on_failure!r}; it must be 'warn', 'stop' or 'rollback'")
        _check_least(self, 1, "latent", "batch")
        _check_least(self, 0, "labels_per_class", "steps", "retries", "held_out")
        if self.labels_per_class and self.conditional:
            raise ValueError(
                f"labels_per_class {self.labels_per_class} is for players that are not told the labels; a conditional "
                "recipe tells them all: add --no-conditional"
            )
        if self.held_out >= 1:
            raise ValueError(f"held_out is {self.held_out}: it is a share of the images, below 1")


def settled(recipe: Recipe) -> Recipe:
    """The recipe with what follows from other fields: the game of few labels, and a schedule's length in steps.

    A run saves what it settled on, so that going on past its end does not change the steps that were made.

    Example:
        >>> from gansmith.dynamics import Schedule
        >>> recipe = Recipe(steps=100, dynamics=Alternating(schedule=Schedule(decay=None, hold=20)))
        >>> settled(recipe).dynamics.schedule.decay
        80
    """
    few = recipe.labels_per_class > 0 and not learns_labels(recipe.game)
    game = SemiSupervised(recipe.game) if few else recipe.game
    return replace(recipe, game=game, dynamics=_settled(recipe.dynamics, recipe.steps))


def rebatched(recipe: Recipe, batch: int) -> Recipe:
    """The recipe with batches of another size, and no fewer images in all.

    Of smaller batches there are as many more, and all that is counted in steps grows alike: schedules, the average's
    half-life, and how often something is logged or saved. Of larger ones there are as many as before. The learning rate
    stays.

    Args:
        recipe: what is changed.
        batch: at least 1.

    Raises:
        ValueError: batch is below 1.

    Example:
        >>> small, large = (rebatched(Recipe(batch=64, steps=1000), batch) for batch in (16, 256))
        >>> small.steps, small.average.half_life, large.steps
        (4000, 2000.0, 1000)
    """
    found = replace(recipe, batch=batch)  # which refuses what cannot be
    times = max(1.0, recipe.batch / batch)
    every = {name: round(times * getattr(recipe.every, name)) for name in ("log", "sample", "save", "watch")}
    return replace(
        found,
        steps=math.ceil(times * recipe.steps),
        dynamics=_stretched(recipe.dynamics, times),
        average=replace(recipe.average, half_life=times * recipe.average.half_life),
        every=replace(recipe.every, **every),
    )


def _stretched(dynamics: Any, times: float) -> Any:
    """The dynamics, and what it wraps, with its schedule over so many times its steps."""
    if not is_dataclass(dynamics) or isinstance(dynamics, type):
        return dynamics
    changes: dict[str, Any] = {}
    optimizer, schedule = getattr(dynamics, "optimizer", None), getattr(dynamics, "schedule", None)
    if isinstance(optimizer, SGD):
        changes["optimizer"] = replace(optimizer, ramp=round(times * optimizer.ramp))
    if isinstance(schedule, Schedule):
        lengths = {name: getattr(schedule, name) for name in ("warmup", "hold", "decay")}
        longer = {name: length and round(times * length) for name, length in lengths.items()}
        changes["schedule"] = replace(schedule, **longer, keep=schedule.keep ** (1 / times))
    if (within := getattr(dynamics, "dynamics", None)) is not None:
        changes["dynamics"] = _stretched(within, times)
    return replace(dynamics, **changes)


def _settled(dynamics: Any, steps: int) -> Any:
    """The dynamics, and what it wraps, with its schedule written out."""
    schedule, within = getattr(dynamics, "schedule", None), getattr(dynamics, "dynamics", None)
    if isinstance(schedule, Schedule) and schedule.decay is None:
        return replace(dynamics, schedule=replace(schedule, decay=max(0, steps - schedule.hold)))
    inner = None if within is None else _settled(within, steps)
    return dynamics if inner is within else replace(dynamics, dynamics=inner)
