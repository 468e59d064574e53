"""A site that nobody has, for parts that are tested without settings."""

from __future__ import annotations

from sidecar.core.messages import site_hash
from sidecar.core.stored_names import Keys

SITE = site_hash("https://shop.example")
KEYS = Keys(SITE)
