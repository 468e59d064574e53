"""Adapter: addresses that open one file at a CDN for a while. Pure functions, one for each way of signing.

`end`: until when, Unix seconds. The parameter `v` of an address names the file's content: a rerun gives another picture
the same name, and no cache may confuse them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit


def secure_link(url: str, key: str, end: int, remote_addr: str = "") -> str:
    """nginx, and who copies it: ``secure_link_md5 "$secure_link_expires$uri$remote_addr <key>"``; `$uri` is the decoded
    path. https://nginx.org/en/docs/http/ngx_http_secure_link_module.html#secure_link_md5"""
    text = f"{end}{unquote(urlsplit(url).path)}{remote_addr} {key}"
    digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
    return _with(url, md5=_base64url(digest), expires=str(end))


def bunny(url: str, key: str, end: int) -> str:
    """bunny.net's token authentication, version HS256: HMAC-SHA256 over path, end, and the parameters in the order of
    their names. https://github.com/BunnyWay/BunnyCDN.TokenAuthentication (README.md, e2e/vectors.json)"""
    parts = urlsplit(url)
    signed = "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(parts.query, keep_blank_values=True)))
    mac = hmac.new(key.encode(), f"{parts.path}{end}{signed}".encode(), hashlib.sha256).digest()
    return _with(
        url.partition("?")[0], token=f"HS256-{_base64url(mac)}", **dict(parse_qsl(parts.query)), expires=str(end)
    )


def cloudfront(url: str, key: str, end: int, key_id: str) -> str:
    """Amazon CloudFront's canned policy, RSA-SHA1. `key`: a private key in PEM. Raises ValueError for another text.
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html
    """
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA1

    condition = {"DateLessThan": {"AWS:EpochTime": end}}
    policy = json.dumps({"Statement": [{"Resource": url, "Condition": condition}]}, separators=(",", ":"))
    signature = base64.b64encode(_private_key(key).sign(policy.encode(), PKCS1v15(), SHA1())).decode()
    return _with(url, Expires=str(end), Signature=signature.translate(_CLOUDFRONT), **{"Key-Pair-Id": key_id})


_CLOUDFRONT = str.maketrans("+=/", "-_~")


@lru_cache(maxsize=4)
def _private_key(pem: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("CloudFront takes RSA keys here")
    return key


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _with(url: str, **parameters: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters, quote_via=quote, safe='~')}"
