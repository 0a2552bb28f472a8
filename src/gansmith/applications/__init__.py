"""What is built on top of generative adversarial networks."""

from gansmith.applications.features import PooledConvolutions, discriminator_features
from gansmith.applications.projection import Projected, project
from gansmith.applications.semi_supervised import SemiSupervisedClassifier

__all__ = [
    "PooledConvolutions",
    "Projected",
    "SemiSupervisedClassifier",
    "discriminator_features",
    "project",
]
