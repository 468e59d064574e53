"""Adapter, images: the one place that loads libvips, and how it is tamed.

A worker that only verifies never gets here. Load it after a fork, not before: libvips keeps threads.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from ...core.errors import ConfigurationError, PermanentError
from ...core.formats import JPEG, PNG
from ..incoming import FULL
from .png_walk import PixelChunks

# Lines that libvips holds in one tile. Its buffers are multiples of it: 128, its default, costs 75 MB for an image
# 32000 pixels wide, 16 costs 15 MB, at the same speed.
_TILE_HEIGHT = 16


# The disk, the user's quota, the process' own limit: in the system's words, which libvips repeats.
_DISK_IS_FULL = tuple(f"system error: {os.strerror(number)}" for number in FULL)


@functools.cache
def load():
    """The pyvips module: no cache of operations, one thread for each pipeline, small tiles."""
    os.environ.setdefault("VIPS_CONCURRENCY", "1")
    import pyvips

    # Faults are raised; its warnings come once for each missing line of a truncated source.
    logging.getLogger("pyvips").setLevel(logging.ERROR)
    pyvips.cache_set_max(0)
    pyvips.cache_set_max_mem(0)
    pyvips.cache_set_max_files(0)
    _set_options(f"--vips-tile-height={_TILE_HEIGHT}")
    return pyvips


def _set_options(*options: str) -> None:
    """Hands command line options to libvips, the only way to its tile size.

    pyvips does not wrap `vips_add_option_entries`, so this calls it, and GLib's parser, in the library that
    pyvips has loaded. Without the compiled module (pyvips in ABI mode) the options stay at their defaults.
    """
    try:
        import _libvips
    except ImportError:
        return
    library = ctypes.CDLL(_libvips.__file__)
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    new_group = ctypes.CFUNCTYPE(pointer, text, text, text, pointer, pointer)(("g_option_group_new", library))
    add_entries = ctypes.CFUNCTYPE(None, pointer)(("vips_add_option_entries", library))
    new_context = ctypes.CFUNCTYPE(pointer, text)(("g_option_context_new", library))
    add_group = ctypes.CFUNCTYPE(None, pointer, pointer)(("g_option_context_add_group", library))
    parse = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer, pointer, pointer)(("g_option_context_parse", library))
    free = ctypes.CFUNCTYPE(None, pointer)(("g_option_context_free", library))

    context = new_context(None)
    group = new_group(b"vips", b"vips", b"vips", None, None)
    add_entries(group)
    add_group(context, group)  # takes the group over
    words = [b"sidecar", *(option.encode() for option in options)]
    vector = (text * (len(words) + 1))(*words, None)
    count, first = ctypes.c_int(len(words)), ctypes.cast(vector, pointer)
    understood = parse(context, ctypes.byref(count), ctypes.byref(first), None)
    free(context)
    if not understood:
        raise RuntimeError(f"libvips does not know one of its options {options}")


@contextlib.contextmanager
def opened(path: Path, format: str, **options) -> Iterator:
    """A lazy, sequential image of the file; use it inside the block only. Options are those of libvips' loader.

    libvips maps a JPEG file into memory, and every page read then counts as this process's memory; reads
    through a source do not. Other formats gain nothing by it. With `fail_on` "none" (a picture that was bought) a
    PNG that libvips does not open is read without the chunks that touch no pixel.
    """
    pyvips = load()
    options = {"access": "sequential", "fail_on": "truncated", **options}
    with open(path, "rb", buffering=0) as file:
        try:
            if format == JPEG:
                image = pyvips.Image.new_from_source(source_of(pyvips, file), "", **options)
            else:
                image = pyvips.Image.new_from_file(str(path), **options)
        except pyvips.Error:
            if format != PNG or options["fail_on"] != "none":
                raise
            image = pyvips.Image.new_from_source(source_of(pyvips, PixelChunks(file)), "", **options)
        yield image


def source_of(pyvips, file):
    """A file that is open in binary mode, or like one, as libvips reads it: by its own `read`, and `seek` where it has
    one."""
    source = pyvips.SourceCustom()
    source.on_read(file.read)
    if file.seekable():
        source.on_seek(file.seek)
    return source


@contextlib.contextmanager
def translated(target: Path, doing: str, pyvips) -> Iterator[None]:
    """Failures while `target` is written become ours, and nothing stays of it.

    Raises PermanentError ``conversion_failed``, ConfigurationError ``disk_full``.
    """
    try:
        yield
    except pyvips.Error as error:
        target.unlink(missing_ok=True)
        if any(words in str(error) for words in _DISK_IS_FULL):
            raise ConfigurationError("disk_full", f"no space for {target.name} ({doing})") from error
        raise PermanentError("conversion_failed", f"{doing}: {first_line(error)}") from error
    except PermanentError as error:
        target.unlink(missing_ok=True)
        raise PermanentError("conversion_failed", f"{doing}: {error.detail}") from error


def first_line(error: Exception) -> str:
    """A libvips error in one line: its messages repeat each other."""
    text = str(getattr(error, "detail", "") or getattr(error, "message", "") or error)
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")
