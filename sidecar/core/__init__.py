"""Core: names, pure decisions and formats. Standard library, itsdangerous and standardwebhooks only; no I/O."""
