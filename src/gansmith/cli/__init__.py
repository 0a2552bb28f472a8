"""The terminal's face of gansmith. Nothing heavy is imported until a command needs it."""

from gansmith.cli.app import main

__all__ = ["main"]
