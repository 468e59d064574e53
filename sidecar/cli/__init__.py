"""Console: the command line, `python -m sidecar …`. One file for each group of commands."""

from .main import main

__all__ = ["main"]
