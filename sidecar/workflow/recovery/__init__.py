"""Workflow: what becomes of a job that has met a failure. `table` decides, `apply` carries it out."""

from .table import TABLE

__all__ = ["TABLE"]
