"""Adapter, images: the one place that loads libvips, and how it is tamed.

A worker that only verifies never gets here. Load it after a fork, not before: libvips keeps threads.
"""

from __future__ import annotations

import functools
import os


@functools.cache
def load():
    """The pyvips module: no cache of results, one thread of its own for each pipeline."""
    os.environ.setdefault("VIPS_CONCURRENCY", "1")
    import pyvips

    pyvips.cache_set_max(0)
    pyvips.cache_set_max_mem(0)
    pyvips.cache_set_max_files(0)
    return pyvips


def first_line(error: Exception) -> str:
    """A libvips error in one line: its messages repeat each other."""
    text = str(getattr(error, "detail", "") or getattr(error, "message", "") or error)
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")
