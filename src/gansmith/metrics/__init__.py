"""How good the samples are: features, then statistics, then a distance, each score under its protocol.

Metrics take samplers and tensors. They know no network that is trained, no loss, no data set and no run.
"""

from gansmith.metrics.classifier import Classifier, calibrate, digits
from gansmith.metrics.controls import Blends, Halves, Noise
from gansmith.metrics.evaluation import evaluate
from gansmith.metrics.features import Extractor, NetworkExtractor, grey28, pixels
from gansmith.metrics.fidelity import Calls, calls, relative_share
from gansmith.metrics.frechet import frechet_distance
from gansmith.metrics.neighbours import PrecisionRecall, nearest_radii, precision_recall
from gansmith.metrics.sampling import Images, draw
from gansmith.metrics.score import Protocol, Report, Score
from gansmith.metrics.statistics import GaussianStatistics, collect

__all__ = [
    "Blends",
    "Calls",
    "Classifier",
    "Extractor",
    "GaussianStatistics",
    "Halves",
    "Images",
    "NetworkExtractor",
    "Noise",
    "PrecisionRecall",
    "Protocol",
    "Report",
    "Score",
    "calibrate",
    "calls",
    "collect",
    "digits",
    "draw",
    "evaluate",
    "frechet_distance",
    "grey28",
    "nearest_radii",
    "pixels",
    "precision_recall",
    "relative_share",
]
