"""How good the samples are: features, then statistics, then a distance, each score under its protocol.

Metrics take samplers and tensors. They know no network that is trained, no loss, no data set and no run.
"""

from gansmith.metrics.class_score import inception_score
from gansmith.metrics.classifier import Classifier, calibrate, digits, stacked_digits
from gansmith.metrics.clusters import Clusters, kmeans
from gansmith.metrics.comparison import Comparison, Entry, compare
from gansmith.metrics.content import ContentCheck, ContentReport, content_check, content_report
from gansmith.metrics.controls import Blends, Halves, Noise
from gansmith.metrics.copying import Copying, authenticity, copying_test, mann_whitney
from gansmith.metrics.counts import ModeCounts, class_counts, mode_counts, share_divergence
from gansmith.metrics.density import DensityCoverage, density_coverage
from gansmith.metrics.discrepancy import mmd
from gansmith.metrics.distances import Nearest, nearest, nearest_others
from gansmith.metrics.estimate import Estimate, wilson
from gansmith.metrics.evaluation import evaluate, examine, report_on
from gansmith.metrics.exact import (
    game_value,
    js_divergence,
    js_from_samples,
    kl_divergence,
    kl_from_samples,
    lattice,
    optimal_discriminator,
    optimal_value,
    total_variation,
)
from gansmith.metrics.examination import Examination, Measure
from gansmith.metrics.extractors import named_classifier, named_extractor
from gansmith.metrics.features import Extractor, NetworkExtractor, frechet_name, grey28, pixels
from gansmith.metrics.fidelity import Calls, calls, relative_share
from gansmith.metrics.frechet import frechet_distance
from gansmith.metrics.gathered import Gathered
from gansmith.metrics.gathering import Judge, Source, gather
from gansmith.metrics.kernel import kernel_distance
from gansmith.metrics.modes import ModeReport, mode_report
from gansmith.metrics.neighbours import PrecisionRecall, precision_recall
from gansmith.metrics.parzen import Parzen, parzen_estimate, parzen_log_likelihood, parzen_sigma
from gansmith.metrics.path import path_length, spherical
from gansmith.metrics.sampling import Images, draw
from gansmith.metrics.score import Figure, Protocol, Report, Score
from gansmith.metrics.similarity import ms_ssim, ms_ssim_diversity, ms_ssim_scales
from gansmith.metrics.sliced import sliced_wasserstein
from gansmith.metrics.statistics import GaussianStatistics, collect
from gansmith.metrics.support import Birthday, birthday, duplicate_distance
from gansmith.metrics.two_sample import TwoSample, logistic, neighbour_vote, two_sample_test

__all__ = [
    "Birthday",
    "Blends",
    "Calls",
    "Classifier",
    "Clusters",
    "Comparison",
    "ContentCheck",
    "ContentReport",
    "Copying",
    "DensityCoverage",
    "Entry",
    "Estimate",
    "Examination",
    "Extractor",
    "Figure",
    "Gathered",
    "GaussianStatistics",
    "Halves",
    "Images",
    "Judge",
    "Measure",
    "ModeCounts",
    "ModeReport",
    "Nearest",
    "NetworkExtractor",
    "Noise",
    "Parzen",
    "PrecisionRecall",
    "Protocol",
    "Report",
    "Score",
    "Source",
    "TwoSample",
    "authenticity",
    "birthday",
    "calibrate",
    "calls",
    "class_counts",
    "collect",
    "compare",
    "content_check",
    "content_report",
    "copying_test",
    "density_coverage",
    "digits",
    "draw",
    "duplicate_distance",
    "evaluate",
    "examine",
    "frechet_distance",
    "frechet_name",
    "game_value",
    "gather",
    "grey28",
    "inception_score",
    "js_divergence",
    "js_from_samples",
    "kernel_distance",
    "kl_divergence",
    "kl_from_samples",
    "kmeans",
    "lattice",
    "logistic",
    "mann_whitney",
    "mmd",
    "mode_counts",
    "mode_report",
    "ms_ssim",
    "ms_ssim_diversity",
    "ms_ssim_scales",
    "named_classifier",
    "named_extractor",
    "nearest",
    "nearest_others",
    "neighbour_vote",
    "optimal_discriminator",
    "optimal_value",
    "parzen_estimate",
    "parzen_log_likelihood",
    "parzen_sigma",
    "path_length",
    "pixels",
    "precision_recall",
    "relative_share",
    "report_on",
    "share_divergence",
    "sliced_wasserstein",
    "spherical",
    "stacked_digits",
    "total_variation",
    "two_sample_test",
    "wilson",
]
