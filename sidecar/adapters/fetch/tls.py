"""Adapter: the one TLS context of outgoing connections. Opens no connection."""

from __future__ import annotations

import functools
import ssl

import certifi


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Verifies against certifi's authorities and the system's (where a company adds its own, or SSL_CERT_FILE).

    Made at first use: reading the authorities costs some 20 ms, which a worker without HTTPS need not spend.
    """
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context
