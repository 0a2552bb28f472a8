"""What is built on top of generative adversarial networks."""

from gansmith.applications.semi_supervised import SemiSupervisedClassifier

__all__ = ["SemiSupervisedClassifier"]
