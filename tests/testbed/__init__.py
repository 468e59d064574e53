"""The real parts (WordPress, MariaDB, php-fpm, nginx, Redis, Chromium, the sidecar's processes) for tests and demo.

Everything lives in folders that the caller names, listens on 127.0.0.1 on ports of its own, and ends with its owner.
What is costly to make (WordPress from its packages, an installed site) is kept under `build/testbed/`.
"""
