"""Setup: `setup`: finds out what it can, asks for the rest, shows what it will write, writes, and tests all of it."""

from .command import add

__all__ = ["add"]
