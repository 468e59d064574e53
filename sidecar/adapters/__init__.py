"""Adapters: each speaks to one part of the world, in its words to it and in ours to the workflow."""
