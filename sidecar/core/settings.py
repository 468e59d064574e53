"""Core: every setting, its type, default and meaning, read from an environment; all faults are reported at once."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .errors import ConfigurationError
from .messages import decode_secret, site_identity


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("must have no query, fragment or user name")
    return text.rstrip("/")


def _optional_url(text: str) -> str:
    return _url(text) if text else ""


def _redis_url(text: str) -> str:
    if text and urlsplit(text).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("must begin with redis://, rediss:// or unix://")
    return text


def _secret(text: str) -> bytes:
    return decode_secret(text)


def _optional_secret(text: str) -> bytes:
    return decode_secret(text) if text else b""


def _keys(text: str) -> tuple[bytes, ...]:
    keys = tuple(key.strip().encode() for key in text.split(",") if key.strip())
    if any(len(key) < 16 for key in keys):
        raise ValueError("each key must have at least 16 characters")
    return keys


def _hosts(text: str) -> frozenset[str]:
    return frozenset(host.strip().lower() for host in text.split(",") if host.strip())


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text) if text.lstrip("-").isdigit() else None
        if value is None or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return read


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not low <= value <= high:
            raise ValueError(f"must be a number of seconds from {low:g} to {high:g}")
        return value

    return read


def _choice(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError("must be one of " + ", ".join(allowed))
        return text

    return read


def _octal(text: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise ValueError("must be an octal file mode such as 0644")
    return mode


def _flag(text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false", "yes", "no"):
        raise ValueError("must be 1 or 0")
    return text.lower() in ("1", "true", "yes")


def _text(text: str) -> str:
    return text


def setting(name: str, read: Callable[[str], Any], help: str, default: str | None = None, example: str = "") -> Any:
    """A field of Settings: the environment variable `name`, required when `default` is None."""
    return field(metadata={"name": name, "read": read, "default": default, "help": help, "example": example})


@dataclass(frozen=True)
class Settings:
    """All configuration of one sidecar. Build it with `from_env`; nothing else reads the environment."""

    # --- the shop
    shop_url: str = setting("SMI_SHOP_URL", _url, "The shop's home address, as WordPress has it", None, "https://shop.example")  # noqa: E501  # fmt: skip
    secret: bytes = setting("SMI_SECRET", _secret, "The secret shared with the bridge (whsec_…, from its settings page)", None, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")  # noqa: E501  # fmt: skip
    previous_secret: bytes = setting("SMI_PREVIOUS_SECRET", _optional_secret, "The secret before the last change, accepted while both sides change over", "")  # noqa: E501  # fmt: skip
    shop_address: str = setting("SMI_SHOP_ADDRESS", _optional_url, "Where the sidecar reaches the shop, when that is not SMI_SHOP_URL (the Host header stays SMI_SHOP_URL's)", "")  # noqa: E501  # fmt: skip
    uploads_dir: Path = setting("SMI_UPLOADS_DIR", Path, "WordPress' uploads folder, as seen from here", None, "/var/www/html/wp-content/uploads")  # noqa: E501  # fmt: skip
    uploads_url: str = setting("SMI_UPLOADS_URL", _optional_url, "The same folder's public address; default SMI_SHOP_URL/wp-content/uploads", "")  # noqa: E501  # fmt: skip
    # --- addresses of our own
    public_url: str = setting("SMI_PUBLIC_URL", _optional_url, "Where browsers reach the sidecar, e.g. https://shop.example/smi; empty: not public, WordPress stands in", "")  # noqa: E501  # fmt: skip
    bind: str = setting("SMI_BIND", _text, "Address that the web process listens on", "127.0.0.1")
    port: int = setting("PORT", _whole(1, 65535), "Port that the web process listens on", "8321")
    trusted_proxies: int = setting("SMI_TRUSTED_PROXIES", _whole(0, 5), "How many reverse proxies stand before the web process", "1")  # noqa: E501  # fmt: skip
    # --- Upsampler
    upsampler_key: str = setting("UPSAMPLER_API_KEY", _text, "The API key of your Upsampler account", None, "your-upsampler-api-key")  # noqa: E501  # fmt: skip
    upsampler_url: str = setting("UPSAMPLER_URL", _url, "The API's address", "https://upsampler.com/api/v1")
    upsampler_mode: str = setting("SMI_UPSAMPLER_MODE", _choice("precise-upscale", "smart-upscale", "dynamic-upscale"), "Which enlargement to order", "precise-upscale")  # noqa: E501  # fmt: skip
    upsampler_image_type: str = setting("SMI_UPSAMPLER_IMAGE_TYPE", _choice("universal", "realism", "anime"), "What kind of pictures the shop sells", "universal")  # noqa: E501  # fmt: skip
    upsampler_concurrency: int = setting("SMI_UPSAMPLER_CONCURRENCY", _whole(0, 100000), "How many jobs may be at Upsampler at the same time, over all machines; 0: no limit", "0")  # noqa: E501  # fmt: skip
    webhooks: str = setting("SMI_WEBHOOKS", _choice("auto", "direct", "shop", "off"), "Where Upsampler reports an end: to the sidecar, by way of the shop, nowhere (polling only); auto: direct when SMI_PUBLIC_URL is set, else shop", "auto")  # noqa: E501  # fmt: skip
    first_poll_s: float = setting("SMI_FIRST_POLL_S", _seconds(0.1, 600), "Seconds from submit to the first poll; later polls back off", "30")  # noqa: E501  # fmt: skip
    watch_limit_s: float = setting("SMI_WATCH_LIMIT_S", _seconds(1, 86400), "Seconds that Upsampler may take before a person is told", "900")  # noqa: E501  # fmt: skip
    # --- sources and results
    max_source_mb: int = setting("SMI_MAX_SOURCE_MB", _whole(1, 2000), "Sources above this size (MB) are compressed before they are submitted", "20")  # noqa: E501  # fmt: skip
    max_source_mp: int = setting("SMI_MAX_SOURCE_MP", _whole(1, 1000), "Sources above this many megapixels are scaled down before they are submitted", "64")  # noqa: E501  # fmt: skip
    max_result_mb: int = setting("SMI_MAX_RESULT_MB", _whole(1, 100000), "Results above this size (MB) are refused", "4096")  # noqa: E501  # fmt: skip
    output_format: str = setting("SMI_OUTPUT_FORMAT", _choice("auto", "keep", "png", "jpeg", "webp"), "auto: JPEG for a JPEG source, else PNG; keep: whatever Upsampler sent", "auto")  # noqa: E501  # fmt: skip
    jpeg_quality: int = setting("SMI_JPEG_QUALITY", _whole(50, 100), "Quality of files that are converted to JPEG or WebP", "92")  # noqa: E501  # fmt: skip
    check_picture: bool = setting("SMI_CHECK_PICTURE", _flag, "Compare each result with the picture that was bought", "1")  # noqa: E501  # fmt: skip
    private_hosts: frozenset[str] = setting("SMI_PRIVATE_HOSTS", _hosts, "host:port pairs, comma-separated, that may be fetched from although they are not public", "")  # noqa: E501  # fmt: skip
    file_mode: int = setting("SMI_FILE_MODE", _octal, "Mode of delivered files", "0644")
    folder_mode: int = setting("SMI_FOLDER_MODE", _octal, "Mode of folders made for them", "0755")
    # --- downloads
    download_mode: str = setting("SMI_DOWNLOAD_MODE", _choice("stream", "x-accel", "x-sendfile"), "Who sends the bytes: the sidecar, nginx, Apache with mod_xsendfile", "stream")  # noqa: E501  # fmt: skip
    accel_prefix: str = setting("SMI_ACCEL_PREFIX", _text, "nginx's internal location of uploads/smi-downloads (x-accel)", "/smi-internal/")  # noqa: E501  # fmt: skip
    link_keys: tuple[bytes, ...] = setting("SMI_LINK_KEYS", _keys, "Keys that sign download links, comma-separated, the last one signs; default: derived from SMI_SECRET", "")  # noqa: E501  # fmt: skip
    # --- running
    redis_url: str = setting("REDIS_URL", _redis_url, "A Redis server; empty: an embedded Valkey with its data in SMI_DATA_DIR", "")  # noqa: E501  # fmt: skip
    data_dir: Path = setting("SMI_DATA_DIR", Path, "Folder for the embedded Valkey and for work files", "data")
    workers: int = setting("SMI_WORKERS", _whole(1, 256), "Worker processes on this machine", "2")
    web_threads: int = setting("SMI_WEB_THREADS", _whole(1, 256), "Threads of each web process", "8")
    web_processes: int = setting("SMI_WEB_PROCESSES", _whole(1, 64), "Web processes on this machine", "2")
    log_format: str = setting("SMI_LOG_FORMAT", _choice("json", "text"), "json for machines, text for people", "json")
    log_level: str = setting("SMI_LOG_LEVEL", _choice("debug", "info", "warning", "error"), "The least important line that is written", "info")  # noqa: E501  # fmt: skip

    @classmethod
    def from_env(cls, env: Mapping[str, str], read_file: Callable[[Path], str] = Path.read_text) -> Settings:
        """Read every setting; a variable X may also stand in the file that X_FILE names.

        Raises ConfigurationError("configuration_invalid") whose detail lists every fault, a line each.
        """
        values: dict[str, Any] = {}
        faults: list[str] = []
        for item in fields(cls):
            name, default = item.metadata["name"], item.metadata["default"]
            try:
                text = _lookup(env, name, read_file)
                if text is None or text == "":
                    if default is None:
                        raise ValueError(f"is missing ({item.metadata['help']})")
                    text = default
                values[item.name] = item.metadata["read"](text)
            except (ValueError, OSError) as error:
                faults.append(f"{name} {error}")
        if not faults:
            faults = _contradictions(values)
        if faults:
            raise ConfigurationError("configuration_invalid", "\n".join(faults))
        return cls(**values)

    @property
    def site(self) -> str:
        """The shop's identity in messages."""
        return site_identity(self.shop_url)

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """Accepted secrets, the signing one first."""
        return (self.secret, self.previous_secret) if self.previous_secret else (self.secret,)

    @property
    def signing_keys(self) -> tuple[bytes, ...]:
        """Keys of links, the signing one last (itsdangerous' order)."""
        return self.link_keys or tuple(
            hmac.new(secret, b"smi-sidecar/v1/links", hashlib.sha256).digest() for secret in reversed(self.secrets)
        )

    @property
    def downloads_dir(self) -> Path:
        return self.uploads_dir / "smi-downloads"

    @property
    def uploads_base_url(self) -> str:
        return self.uploads_url or f"{self.shop_url}/wp-content/uploads"

    def webhook_address(self, token: str) -> str | None:
        """Where Upsampler is asked to report the end of a submission."""
        where = self.webhooks
        if where == "auto":
            where = "direct" if self.public_url else "shop"
        if where == "direct":
            return f"{self.public_url}/webhooks/upsampler/{token}"
        return f"{self.shop_url}/smi-webhook/upsampler/?token={token}" if where == "shop" else None


def _lookup(env: Mapping[str, str], name: str, read_file: Callable[[Path], str]) -> str | None:
    text, file = env.get(name), env.get(f"{name}_FILE")
    if file and text:
        raise ValueError(f"and {name}_FILE are both set: which one counts?")
    return read_file(Path(file)).strip() if file else (text.strip() if text is not None else None)


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    faults = []
    if values["webhooks"] == "direct" and not values["public_url"]:
        faults.append("SMI_WEBHOOKS=direct needs SMI_PUBLIC_URL, or Upsampler has nowhere to call")
    if values["download_mode"] != "stream" and not values["public_url"]:
        faults.append(
            f"SMI_DOWNLOAD_MODE={values['download_mode']} needs SMI_PUBLIC_URL: without it nobody downloads here"
        )
    if values["first_poll_s"] >= values["watch_limit_s"]:
        faults.append("SMI_FIRST_POLL_S must be less than SMI_WATCH_LIMIT_S, or no job is ever polled")
    if values["previous_secret"] and values["previous_secret"] == values["secret"]:
        faults.append("SMI_PREVIOUS_SECRET is the same as SMI_SECRET")
    if not (values["accel_prefix"].startswith("/") and values["accel_prefix"].endswith("/")):
        faults.append("SMI_ACCEL_PREFIX must begin and end with /")
    if not values["uploads_dir"].is_absolute():
        faults.append("SMI_UPLOADS_DIR must be an absolute path")
    return faults


def described() -> list[dict[str, str | None]]:
    """Name, default (None: required), help and example of every setting, for env.example, docs and doctor."""
    return [
        {key: item.metadata[key] for key in ("name", "default", "help", "example")}
        for item in fields(Settings)
        if item.default is MISSING
    ]
