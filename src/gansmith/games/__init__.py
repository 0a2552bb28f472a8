"""What the players want."""

from gansmith.games.adversarial import AdversarialGame
from gansmith.games.auxiliary import AuxiliaryClassifier, names_labels
from gansmith.games.bidirectional import BiGAN
from gansmith.games.check import check_game
from gansmith.games.codes import CategoricalCode, Code, UniformCode
from gansmith.games.critic import Critic
from gansmith.games.cycle import CycleGAN
from gansmith.games.divergences import (
    KL,
    Alpha,
    Divergence,
    GANDivergence,
    JensenShannon,
    PearsonChi2,
    ReverseKL,
    SquaredHellinger,
    TotalVariation,
)
from gansmith.games.fgan import FGAN
from gansmith.games.flipped import Flipped
from gansmith.games.functions import (
    MATCHING_PENNIES,
    ROCK_PAPER_SCISSORS,
    FunctionGame,
    bilinear,
    dirac_gan,
    matrix_game,
    quadratic,
    zero_sum,
)
from gansmith.games.historical import HistoricalAveraging
from gansmith.games.info import InfoGAN
from gansmith.games.loss import Adversarial, Loss
from gansmith.games.losses import (
    Hinge,
    LeastSquares,
    MaximumLikelihood,
    Minimax,
    NonSaturating,
    RelativisticAverage,
    RelativisticPaired,
    Wasserstein,
)
from gansmith.games.matching import FeatureMatching
from gansmith.games.noise import Fade, InstanceNoise
from gansmith.games.packed import Packed
from gansmith.games.penalties import DRAGAN, R1, R2, WGANGP, Penalty
from gansmith.games.pool import Pool
from gansmith.games.score_penalties import Consistency, LeCam
from gansmith.games.semi_supervised import SemiSupervised, learns_labels
from gansmith.games.single import SinglePlayer
from gansmith.games.transformations import Jitter, Shift, Transformation
from gansmith.games.wrapping import judged

__all__ = [
    "DRAGAN",
    "FGAN",
    "KL",
    "MATCHING_PENNIES",
    "R1",
    "R2",
    "ROCK_PAPER_SCISSORS",
    "WGANGP",
    "Adversarial",
    "AdversarialGame",
    "Alpha",
    "AuxiliaryClassifier",
    "BiGAN",
    "CategoricalCode",
    "Code",
    "Consistency",
    "Critic",
    "CycleGAN",
    "Divergence",
    "Fade",
    "FeatureMatching",
    "Flipped",
    "FunctionGame",
    "GANDivergence",
    "Hinge",
    "HistoricalAveraging",
    "InfoGAN",
    "InstanceNoise",
    "JensenShannon",
    "Jitter",
    "LeCam",
    "LeastSquares",
    "Loss",
    "MaximumLikelihood",
    "Minimax",
    "NonSaturating",
    "Packed",
    "PearsonChi2",
    "Penalty",
    "Pool",
    "RelativisticAverage",
    "RelativisticPaired",
    "ReverseKL",
    "SemiSupervised",
    "Shift",
    "SinglePlayer",
    "SquaredHellinger",
    "TotalVariation",
    "Transformation",
    "UniformCode",
    "Wasserstein",
    "bilinear",
    "check_game",
    "dirac_gan",
    "judged",
    "learns_labels",
    "matrix_game",
    "names_labels",
    "quadratic",
    "zero_sum",
]
