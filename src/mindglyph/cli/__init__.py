"""The command line."""

from mindglyph.cli.app import main

__all__ = ["main"]
