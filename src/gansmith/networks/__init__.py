"""Who plays: values that build plain modules, the wrapper that augments, and the check for one's own networks."""

from gansmith.networks.augment import Augmented
from gansmith.networks.check import check_networks
from gansmith.networks.classifier import Classifier, classifier
from gansmith.networks.conditional import Projection
from gansmith.networks.dcgan import DCGAN
from gansmith.networks.draws import drawing, uniforms
from gansmith.networks.maxout import Maxout
from gansmith.networks.minibatch import MinibatchDeviation, MinibatchDiscrimination
from gansmith.networks.mlp import MLP
from gansmith.networks.multiscale import Multiscale
from gansmith.networks.noisy import NoisyMLP
from gansmith.networks.norms import Norm, PixelNorm, VirtualBatchNorm
from gansmith.networks.players import Architecture, Discriminator, Fitting, Generator, Known, samplewise
from gansmith.networks.point import Point
from gansmith.networks.residual import Residual
from gansmith.networks.shapes import Shape, start_grid

__all__ = [
    "DCGAN",
    "MLP",
    "Architecture",
    "Augmented",
    "Classifier",
    "Discriminator",
    "Fitting",
    "Generator",
    "Known",
    "Maxout",
    "MinibatchDeviation",
    "MinibatchDiscrimination",
    "Multiscale",
    "NoisyMLP",
    "Norm",
    "PixelNorm",
    "Point",
    "Projection",
    "Residual",
    "Shape",
    "VirtualBatchNorm",
    "check_networks",
    "classifier",
    "drawing",
    "samplewise",
    "start_grid",
    "uniforms",
]
