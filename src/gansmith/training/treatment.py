"""Beginning again from an earlier state with another recipe: what is taken along, and what begins anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor

from gansmith.diagnostics import Remedy, Verdict
from gansmith.dynamics.state import restore, state_tree
from gansmith.spelling import listed
from gansmith.training.config import merge, nested
from gansmith.training.recipe import Recipe
from gansmith.training.session import STRENGTH, Session, bare, load_weights, unaugmented
from gansmith.types import State

__all__ = ["decided", "restarted", "returned", "treated", "unexplained", "went_back_to"]


def treated(recipe: Recipe, decisions: Iterable[Mapping[str, Any]]) -> Recipe:
    """The recipe that a run goes by after what was decided about its disorders.

    Example:
        >>> treated(Recipe(), [{"settings": {"dynamics.alternating.optimizer.adam.lr": 1e-4}}]).dynamics.optimizer.lr
        0.0001
    """
    for decision in decisions:
        if decision.get("settings"):
            recipe = merge(recipe, nested(decision["settings"]))
    return recipe


def decided(verdict: Verdict, step: int, what: str, **more: Any) -> dict[str, Any]:
    """What was done at a step about a disorder, as plain values."""
    return {
        "step": step,
        "what": what,
        "disorder": verdict.disorder,
        "began": verdict.began,
        "evidence": [item.sentence for item in verdict.evidence],
        "remedy": verdict.remedy.sentence,
        **more,
    }


def went_back_to(decisions: Iterable[Mapping[str, Any]]) -> int | None:
    """The step to which a run last went back, if it ever did.

    Example:
        >>> went_back_to([{"what": "went back", "step": 900, "to": 500}, {"what": "stopped", "step": 950}])
        500
    """
    steps = [int(decision["to"]) for decision in decisions if "to" in decision]
    return steps[-1] if steps else None


def unexplained(what: str, step: int) -> Verdict:
    """The verdict on what went wrong without a known cause: other noise is all that can be tried."""
    return Verdict(disorder=what, began=step, seen=step, evidence=(), remedy=Remedy(sentence=""))


def returned(session: Session, tree: Mapping[str, Any], verdict: Verdict) -> tuple[Session, dict[str, Any], str]:
    """The run back at an earlier state, with other noise and the remedy where it fits.

    Args:
        session: the run as it is.
        tree: the earlier state, as a checkpoint holds it.
        verdict: why it goes back.

    Returns:
        The session, the decision that is its last, and in words what could not be taken along.
    """
    decision = decided(verdict, session.step, "went back", to=tree["step"], settings=dict(verdict.remedy.settings))
    try:
        new, anew = restarted(session, treated(session.recipe, [decision]), tree)
    except ValueError:  # the remedy does not suit these data, this device, or a piece of somebody's own
        decision["settings"] = {}
        new, anew = restarted(session, session.recipe, tree)
    new.attempt = session.attempt + 1
    new.decisions = [*session.decisions, decision]
    return new, decision, anew


def restarted(session: Session, recipe: Recipe, tree: Mapping[str, Any]) -> tuple[Session, str]:
    """A session with that recipe at the state of an earlier one, and in words what could not be taken along.

    Weights stay where the networks are still the same, and optimisers keep their memory, though not their settings,
    where they are still of the same kind.

    Args:
        session: the run as it is.
        recipe: what it is to go by.
        tree: what a checkpoint holds of it.

    Raises:
        ValueError: the recipe does not suit the data or the device.
    """
    new = Session.start(recipe, session.feed.images, session.engine)
    anew = [name for name, module in new.players.items() if not _loaded(module, tree["players"][name], name)]
    if not _loaded(new.average.module, tree["average"], "generator"):
        new.average.module.load_state_dict(new.players["generator"].state_dict())
    if new.classifier is not None and not _loaded(new.classifier.module, tree.get("classifier", {}), "classifier"):
        new.classifier.module.load_state_dict(unaugmented(new.players["discriminator"]).state_dict())
    fresh = recipe.dynamics.init(recipe.game, new.players)  # after the weights, which some keep a copy of
    if not anew and _fits(state_tree(fresh), tree["dynamics"]):
        new.dynamics = _with_settings(fresh, recipe, new, tree["dynamics"])
    else:
        anew.append("optimisers")
        new.dynamics = _at(fresh, tree["step"])
    new.step = tree["step"]
    return new, f"; {listed(f'the {name}' for name in anew)} began anew" if anew else ""


def _loaded(module: Any, saved: Mapping[str, Tensor], name: str) -> bool:
    """Whether saved weights fit, with or without an augmentation around the network, and so were loaded."""
    try:
        load_weights(unaugmented(module), bare(saved), name)
    except ValueError:
        return False
    if getattr(module, STRENGTH, None) is not None and STRENGTH in saved:
        module.strength.copy_(saved[STRENGTH])
    return True


def _fits(fresh: Any, saved: Any) -> bool:
    """Whether a saved state is that of such a dynamics, with optimisers of the same kind: it has all its entries.

    A run may have added some, and what fills up in its course is left out: the memory of optimisers and of games.
    """
    if isinstance(fresh, Mapping) and isinstance(saved, Mapping):
        return set(fresh) <= set(saved) and all(
            name in ("state", "memory") or _fits(within, saved[name]) for name, within in fresh.items()
        )
    if isinstance(fresh, list) and isinstance(saved, list) and fresh and saved:
        return len(fresh) == len(saved) and all(_fits(a, b) for a, b in zip(fresh, saved, strict=True))
    return isinstance(fresh, Mapping) == isinstance(saved, Mapping)


def _with_settings(fresh: State, recipe: Recipe, session: Session, saved: Any) -> State:
    """The saved state under the settings of the recipe, with what only the recipe's own state has."""
    settings = [_groups(optimizer) for optimizer in _optimizers(fresh)]
    restored = restore(fresh, saved)
    for optimizer, groups in zip(_optimizers(restored), settings, strict=True):
        for group, own in zip(optimizer.param_groups, groups, strict=True):
            group.update(own)
    completed: State = _completed(restored, recipe.dynamics.init(recipe.game, session.players))
    return completed


def _groups(optimizer: Any) -> list[dict[str, Any]]:
    kept = ("params", "steps")  # `steps` is how far a momentum has gone on its way
    return [{key: value for key, value in group.items() if key not in kept} for group in optimizer.param_groups]


def _optimizers(state: Any) -> list[Any]:
    if hasattr(state, "param_groups"):
        return [state]
    parts: Sequence[Any] = list(state.values()) if isinstance(state, Mapping) else ()
    return [optimizer for part in parts for optimizer in _optimizers(part)]


def _completed(state: Any, fresh: Any) -> Any:
    """A state with those entries of a fresh one that it lacks: what a new penalty remembers."""
    if not isinstance(state, dict) or not isinstance(fresh, dict):
        return state
    return {**fresh, **{key: _completed(value, fresh.get(key)) for key, value in state.items()}}


def _at(state: Any, steps: int) -> Any:
    """A fresh state that counts its steps from where the run is, so that schedules go on."""
    if not isinstance(state, dict):
        return state
    return {key: steps if key == "steps" else _at(value, steps) for key, value in state.items()}
