"""What the players want."""

from gansmith.games.adversarial import AdversarialGame
from gansmith.games.check import check_game
from gansmith.games.critic import Critic
from gansmith.games.loss import Adversarial, Loss
from gansmith.games.losses import (
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    RelativisticAverage,
    RelativisticPaired,
    Wasserstein,
)
from gansmith.games.penalties import R1, R2, WGANGP, Penalty

__all__ = [
    "R1",
    "R2",
    "WGANGP",
    "Adversarial",
    "AdversarialGame",
    "Critic",
    "Hinge",
    "LeastSquares",
    "Loss",
    "Minimax",
    "NonSaturating",
    "Penalty",
    "RelativisticAverage",
    "RelativisticPaired",
    "Wasserstein",
    "check_game",
]
