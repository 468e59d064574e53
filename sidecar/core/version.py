"""Core: which version this is, said in this one place. The bridge has a number of its own."""

VERSION = "1.1.0"
