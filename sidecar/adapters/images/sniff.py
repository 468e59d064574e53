"""Adapter, images: which format do the first bytes announce?

Source: WHATWG MIME Sniffing Standard, 6.1 (PNG, JPEG, WebP, GIF, BMP); ISO/IEC 14496-12, 4.3 (ftyp: AVIF, HEIF); TIFF
6.0, section 2.
"""

from __future__ import annotations

from ...core.formats import JPEG, PNG, WEBP

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
ENOUGH = 12  # bytes that `sniff` needs to be sure

# Formats that we recognise only to call them by their name in the refusal.
_OTHERS = (
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"BM", "bmp"),
    (b"8BPS", "psd"),
    (b"\xff\x0a", "jpeg-xl"),
    (b"\0\0\0\x0cJXL ", "jpeg-xl"),
    (b"\0\0\0\x0cjP  ", "jpeg-2000"),
    (b"%PDF-", "pdf"),
)
_ISO_BRANDS = {
    b"avif": "avif",
    b"avis": "avif",
    b"heic": "heic",
    b"heix": "heic",
    b"mif1": "heif",
    b"msf1": "heif",
}
_MARKUP = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<svg", b"<error")


def sniff(head: bytes) -> str | None:
    """Format by signature, ``None`` if it is no image that we know. `head`: at least 12 bytes, or all."""
    if head.startswith(PNG_SIGNATURE):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[4:8] == b"ftyp":
        return _ISO_BRANDS.get(head[8:12])
    return next((name for magic, name in _OTHERS if head.startswith(magic)), None)


def begins_like_an_image(head: bytes) -> bool:
    """Whether a head shorter than 12 bytes may be the start of PNG, JPEG or WebP that was cut off."""
    if not head:
        return False
    magics = (PNG_SIGNATURE, b"\xff\xd8\xff", b"RIFF")
    return any(head.startswith(magic) or magic.startswith(head) for magic in magics)


def describe(head: bytes) -> str:
    """Words for what was found instead of an image."""
    if not head:
        return "an empty file"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if any(start.startswith(mark[: max(len(start), 1)]) for mark in _MARKUP):
        return "a web page or XML"
    if start[:1] in (b"{", b"["):
        return "JSON"
    return f"bytes that begin with {head[:8].hex(' ')}"
