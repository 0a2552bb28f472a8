"""Generative adversarial networks for PyTorch: a game, and a dynamics that plays it."""

__version__ = "0.1.0"
