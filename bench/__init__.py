"""Measurements of the system beside what it replaces, on the machine where they run: `make bench`,
docs/performance.md.

Each file in `bench/measurements/` measures one thing and says in its docstring what and how. Nothing here is a
test: no figure of these makes `make test` fail.
"""

HUGE = (32000, 24000)  # px, the largest picture that is measured: 4000 x 3000 enlarged 8 times
