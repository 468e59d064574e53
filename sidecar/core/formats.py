"""Core: the formats of results, and what their files are called."""

PNG, JPEG, WEBP = "png", "jpeg", "webp"

EXTENSIONS = {PNG: "png", JPEG: "jpg", WEBP: "webp"}
MEDIA_TYPES = {PNG: "image/png", JPEG: "image/jpeg", WEBP: "image/webp"}


def format_of(path: str) -> str:
    """The format that a file's extension names; an extension that is none of ours stands for itself."""
    extension = path.rpartition(".")[2]
    return next((format for format, usual in EXTENSIONS.items() if usual == extension), extension)
