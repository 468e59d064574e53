"""Core: every setting, its type, default and meaning, read from an environment; all faults are reported at once."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from . import status_token
from .env import (
    EXAMPLE_SECRET,
    cdn_key,
    choice,
    flag,
    hosts,
    keys,
    listens_at,
    lookup,
    octal,
    optional_plain_url,
    optional_secret,
    optional_url,
    optional_url_with_user,
    plain_url,
    redis_url,
    seconds,
    secret,
    text,
    url,
    visible,
    whole,
)  # fmt: skip
from .errors import ConfigurationError
from .messages import direction_key, site_hash, site_identity

NO_DOOR = "none"  # in the place of an address to listen on
SANDBOX_KEY = "sandbox-key"  # what the Upsampler stand-in takes; no real key is like it


def setting(
    name: str,
    read: Callable[[str], Any],
    help: str,
    default: str | None = None,
    example: str = "",
    unless: tuple[str, str] | None = None,
) -> Any:
    """A field of Settings: the environment variable `name`, required when `default` is None; `unless` that field, which
    stands before it, has that value."""
    known = {"name": name, "read": read, "default": default, "help": help, "example": example, "unless": unless}
    return field(metadata=known)


@dataclass(frozen=True)
class Settings:
    """All configuration of one sidecar. Build it with `from_env`; nothing else reads the environment."""

    # --- the shop
    shop_url: str = setting("SMI_SHOP_URL", url, "The shop's home address, as WordPress has it", None, "https://shop.example")  # fmt: skip
    secret: bytes = setting("SMI_SECRET", secret, "The secret shared with the bridge (whsec_…, from its settings page)", None, EXAMPLE_SECRET)  # fmt: skip
    previous_secret: bytes = setting("SMI_PREVIOUS_SECRET", optional_secret, "The secret before the last change, accepted while both sides change over", "")  # fmt: skip
    shop_address: str = setting("SMI_SHOP_ADDRESS", optional_url, "Where the sidecar reaches the shop, when that is not SMI_SHOP_URL (the Host header stays SMI_SHOP_URL's)", "")  # fmt: skip
    storage: str = setting("SMI_STORAGE", choice("local", "rest"), "How finished files come into the shop's uploads folder: the folder is here (local), or they are uploaded through the shop's door (rest)", "local")  # fmt: skip
    uploads_dir: Path = setting("SMI_UPLOADS_DIR", Path, "WordPress' uploads folder, as seen from here; not needed with SMI_STORAGE=rest", None, "/var/www/html/wp-content/uploads", ("storage", "rest"))  # fmt: skip
    uploads_url: str = setting("SMI_UPLOADS_URL", optional_url, "The same folder's public address; default SMI_SHOP_URL/wp-content/uploads", "")  # fmt: skip
    # --- addresses of our own
    public_url: str = setting("SMI_PUBLIC_URL", optional_url, "Where browsers reach the sidecar, e.g. https://shop.example/smi; empty: not public, WordPress stands in", "")  # fmt: skip
    bind: str = setting("SMI_BIND", listens_at, "Address that the web process listens on; none: there is no web process, and the sidecar comes to the shop for its messages", "127.0.0.1")  # fmt: skip
    port: int = setting("PORT", whole(1, 65535), "Port that the web process listens on", "8321")
    trusted_proxies: int = setting("SMI_TRUSTED_PROXIES", whole(0, 5), "How many reverse proxies stand before the web process", "1")  # fmt: skip
    # --- Upsampler
    upsampler_key: str = setting("UPSAMPLER_API_KEY", visible, "The API key of your Upsampler account", None, "your-upsampler-api-key")  # fmt: skip
    upsampler_url: str = setting("UPSAMPLER_URL", plain_url, "The API's address", "https://upsampler.com/api/v1")
    upsampler_mode: str = setting("SMI_UPSAMPLER_MODE", choice("precise-upscale", "smart-upscale", "dynamic-upscale"), "Which enlargement to order", "precise-upscale")  # fmt: skip
    upsampler_image_type: str = setting("SMI_UPSAMPLER_IMAGE_TYPE", choice("universal", "realism", "anime"), "What kind of pictures the shop sells", "universal")  # fmt: skip
    upsampler_concurrency: int = setting("SMI_UPSAMPLER_CONCURRENCY", whole(0, 100000), "How many jobs may be at Upsampler at the same time, over all machines; 0: no limit", "0")  # fmt: skip
    webhooks: str = setting("SMI_WEBHOOKS", choice("auto", "direct", "shop", "off"), "Where Upsampler reports an end: to the sidecar, by way of the shop, nowhere (polling only); auto: direct when SMI_PUBLIC_URL is set, else shop", "auto")  # fmt: skip
    first_poll_s: float = setting("SMI_FIRST_POLL_S", seconds(0.1, 600), "Seconds from submit to the first poll; later polls back off", "30")  # fmt: skip
    watch_limit_s: float = setting("SMI_WATCH_LIMIT_S", seconds(1, 86400), "Seconds that Upsampler may take before a person is told", "900")  # fmt: skip
    # --- sources and results
    max_source_mb: int = setting("SMI_MAX_SOURCE_MB", whole(1, 2000), "Sources above this size (MB) are compressed before they are submitted", "20")  # fmt: skip
    max_source_mp: int = setting("SMI_MAX_SOURCE_MP", whole(1, 1000), "Sources above this many megapixels are scaled down before they are submitted", "64")  # fmt: skip
    max_result_mb: int = setting("SMI_MAX_RESULT_MB", whole(1, 100000), "Results above this size (MB) are refused", "4096")  # fmt: skip
    min_download_kbps: int = setting("SMI_MIN_DOWNLOAD_KBPS", whole(0, 1_000_000), "Results, and sources that lie elsewhere, that come more slowly (kB/s, over half a minute) are given up and gone on with later; 0: at any speed", "16")  # fmt: skip
    slow_downloads: int = setting("SMI_SLOW_DOWNLOADS", whole(1, 1000), "Downloads that may go on beside the work of each worker process", "24")  # fmt: skip
    output_format: str = setting("SMI_OUTPUT_FORMAT", choice("auto", "keep", "png", "jpeg", "webp"), "auto: JPEG for a JPEG source, else PNG; keep: whatever Upsampler sent", "auto")  # fmt: skip
    jpeg_quality: int = setting("SMI_JPEG_QUALITY", whole(50, 100), "Quality of files that are converted to JPEG or WebP", "92")  # fmt: skip
    check_picture: bool = setting("SMI_CHECK_PICTURE", flag, "Compare each result with the picture that was bought", "1")  # fmt: skip
    result_off_by: int = setting("SMI_RESULT_OFF_BY", whole(0, 16), "By how many pixels a side of a result may differ from what was paid for; it is resized then, not ordered again", "2")  # fmt: skip
    private_hosts: frozenset[str] = setting("SMI_PRIVATE_HOSTS", hosts, "host:port pairs, comma-separated, that may be fetched from although they are not public", "")  # fmt: skip
    file_mode: int = setting("SMI_FILE_MODE", octal(0o400), "Mode of delivered files", "0644")
    folder_mode: int = setting("SMI_FOLDER_MODE", octal(0o700), "Mode of folders made for them", "0755")
    # --- downloads
    keep_days: int = setting("SMI_KEEP_DAYS", whole(0, 3650), "Days that a delivered file is kept after its link has expired", "7")  # fmt: skip
    download_mode: str = setting("SMI_DOWNLOAD_MODE", choice("stream", "x-accel", "x-sendfile", "redirect"), "Who sends the bytes: the sidecar, nginx, Apache with mod_xsendfile, a CDN (redirect; where the shop hands files out, by its wp-config.php)", "stream")  # fmt: skip
    accel_prefix: str = setting("SMI_ACCEL_PREFIX", text, "nginx's internal location of uploads/smi-downloads (x-accel)", "/smi-internal/")  # fmt: skip
    cdn_url: str = setting(
        "SMI_CDN_URL", optional_plain_url, "Address of uploads/smi-downloads at the CDN (redirect)", ""
    )
    cdn_signing: str = setting("SMI_CDN_SIGNING", choice("secure-link", "bunny", "cloudfront"), "How the CDN wants addresses signed: nginx's secure_link_md5, bunny.net's token, CloudFront's canned policy", "secure-link")  # fmt: skip
    cdn_key: str = setting("SMI_CDN_KEY", cdn_key, "The key for that: a text, or (cloudfront) an RSA private key in PEM; better in a file, SMI_CDN_KEY_FILE", "")  # fmt: skip
    cdn_key_id: str = setting("SMI_CDN_KEY_ID", text, "CloudFront's id of the key (Key-Pair-Id)", "")
    cdn_link_s: int = setting("SMI_CDN_LINK_S", whole(60, 3600), "Seconds that an address at the CDN opens; a revoked link dies with it", "300")  # fmt: skip
    link_keys: tuple[bytes, ...] = setting("SMI_LINK_KEYS", keys, "Keys that sign download links, comma-separated, the last one signs; default: derived from SMI_SECRET", "")  # fmt: skip
    # --- running
    redis_url: str = setting("REDIS_URL", redis_url, "A Redis server; empty: an embedded Valkey with its data in SMI_DATA_DIR", "")  # fmt: skip
    data_dir: Path = setting("SMI_DATA_DIR", Path, "Folder for the embedded Valkey and for work files", "data")
    workers: int = setting("SMI_WORKERS", whole(1, 256), "Worker processes here; 1 below 2 GB of memory", "3")
    web_threads: int = setting("SMI_WEB_THREADS", whole(1, 256), "Threads of each web process", "4")
    web_processes: int = setting("SMI_WEB_PROCESSES", whole(1, 64), "Web processes here; 1 below 2 GB of memory", "3")
    rq_dashboard_password: str = setting("SMI_RQ_DASHBOARD_PASSWORD", text, "Password of rq-dashboard under /rq (any user name); empty: it is off", "")  # fmt: skip
    sentry_dsn: str = setting("SENTRY_DSN", optional_url_with_user, "Where to report faults of ours (Sentry); no personal data is sent", "")  # fmt: skip
    log_format: str = setting("SMI_LOG_FORMAT", choice("json", "text"), "json for machines, text for people", "json")
    log_level: str = setting("SMI_LOG_LEVEL", choice("debug", "info", "warning", "error"), "The least important line that is written", "info")  # fmt: skip

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
                text = lookup(env, name, read_file)
                if text is None or text == "":
                    unless = item.metadata["unless"]
                    if default is None and not (unless and values.get(unless[0]) == unless[1]):
                        raise ValueError(f"is missing ({item.metadata['help']})")
                    text = default or ""
                values[item.name] = item.metadata["read"](text)
            except (ValueError, OSError) as error:
                faults.append(f"{name} {error}")
        faults += _contradictions(values)
        if faults:
            raise ConfigurationError("configuration_invalid", "\n".join(faults))
        return cls(**values)

    @property
    def site(self) -> str:
        """The shop's identity in messages."""
        return site_identity(self.shop_url)

    @property
    def site_hash(self) -> str:
        """The site's identity where it must be short."""
        return site_hash(self.site)

    @property
    def is_sandbox(self) -> bool:
        """Whether the stand-in enlarges: nothing costs a credit."""
        return self.upsampler_key == SANDBOX_KEY

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
    def status_keys(self) -> tuple[bytes, ...]:
        """Keys of status tokens, the signing one first."""
        return tuple(direction_key(secret, status_token.PURPOSE) for secret in self.secrets)

    def source_address(self, job_id: str, end: int, copy: str = "") -> str:
        """Where the shop hands out a job's source that need not be public, until `end` (Unix seconds); or the `copy`
        of it that lies in the shop's `smi-downloads/.sources` under that name."""
        what = f"{job_id}/{copy}" if copy else job_id
        token = status_token.make(direction_key(self.secret, "source"), what, end, self.site_hash)
        address = f"{self.shop_url}/?smi-bridge=source&job={job_id}"
        return f"{address}&copy={copy}&token={token}" if copy else f"{address}&token={token}"

    @property
    def pulls(self) -> bool:
        """Whether nobody reaches us: the shop's messages are fetched, and there is no web process."""
        return self.bind.lower() == NO_DOOR

    @property
    def at_the_shop(self) -> bool:
        """Whether finished files lie where only the shop sees them."""
        return self.storage == "rest"

    @property
    def downloads_dir(self) -> Path:
        """Where files are made, and (unless they go to the shop then) kept."""
        work = self.data_dir.absolute() / "work" / self.site_hash
        return work if self.at_the_shop else self.uploads_dir / "smi-downloads"

    @property
    def uploads_base_url(self) -> str:
        return self.uploads_url or f"{self.shop_url}/wp-content/uploads"

    @property
    def hands_out(self) -> bool:
        """Whether customers get their files here; else the shop hands them out."""
        return bool(self.public_url) and not self.at_the_shop

    def download_address(self, token: str) -> str:
        """Where the sidecar itself hands a file out; "": the shop does."""
        return f"{self.public_url}/download/{token}" if self.hands_out else ""

    def webhook_address(self, token: str) -> str | None:
        """Where Upsampler is asked to report the end of a submission."""
        where = self.webhooks
        if where == "auto":
            where = "direct" if self.public_url else "shop"
        if where == "direct":
            return f"{self.public_url}/webhooks/upsampler/{token}"
        if where == "off":
            return None
        address = f"{self.shop_url}/smi-webhook/upsampler/?token={token}"
        return f"{address}&mac={hint_mac(self.secret, token)}" if self.pulls and token else address


def hint_mac(secret: bytes, token: str) -> str:
    """HMAC-SHA256, base64url: shows the shop, which keeps hints for us, that a webhook's token is one of ours."""
    mac = hmac.new(direction_key(secret, "webhook"), token.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    """Faults of settings that are each fine by themselves; a rule about one that could not be read is passed over."""
    return [
        fault
        for names, holds, fault in _RULES
        if all(name in values for name in names) and not holds(*(values[name] for name in names))
    ]


_RULES: tuple[tuple[tuple[str, ...], Callable[..., bool], str], ...] = (
    (
        ("webhooks", "public_url"),
        lambda where, public: where != "direct" or bool(public),
        "SMI_WEBHOOKS=direct needs SMI_PUBLIC_URL, or Upsampler has nowhere to call",
    ),
    (
        ("download_mode", "public_url", "storage"),
        lambda mode, public, storage: mode in ("stream", "redirect") or bool(public and storage == "local"),
        "SMI_DOWNLOAD_MODE=x-accel or x-sendfile needs SMI_PUBLIC_URL and SMI_STORAGE=local: else nobody downloads here",
    ),
    (
        ("download_mode", "public_url", "storage", "cdn_url", "cdn_key", "cdn_signing", "cdn_key_id"),
        lambda mode, public, storage, url, key, how, key_id: (
            mode != "redirect"
            or (bool(url and key and (key_id or how != "cloudfront")) if public and storage == "local" else not key)
        ),
        "SMI_DOWNLOAD_MODE=redirect needs SMI_CDN_URL and SMI_CDN_KEY, with SMI_CDN_SIGNING=cloudfront SMI_CDN_KEY_ID, too; where the shop hands the files out, none of them, but SMI_BRIDGE_CDN_… in its wp-config.php",
    ),
    (
        ("bind", "public_url"),
        lambda bind, public: bind.lower() != NO_DOOR or not public,
        "SMI_PUBLIC_URL has no meaning with SMI_BIND=none: there is no web process that would answer",
    ),
    (
        ("bind", "rq_dashboard_password"),
        lambda bind, password: bind.lower() != NO_DOOR or not password,
        "SMI_RQ_DASHBOARD_PASSWORD has no meaning with SMI_BIND=none: there is no web process that would show it",
    ),
    (
        ("first_poll_s", "watch_limit_s"),
        lambda first, limit: first < limit,
        "SMI_FIRST_POLL_S must be less than SMI_WATCH_LIMIT_S, or no job is ever polled",
    ),
    (
        ("secret", "previous_secret"),
        lambda current, previous: current != previous,
        "SMI_PREVIOUS_SECRET is the same as SMI_SECRET",
    ),
    (
        ("accel_prefix",),
        lambda prefix: prefix.startswith("/") and prefix.endswith("/") and prefix.isascii() and prefix.isprintable(),
        "SMI_ACCEL_PREFIX must begin and end with /, and be ASCII",
    ),
    (
        ("uploads_dir", "storage"),
        lambda folder, storage: folder.is_absolute() or storage == "rest",
        "SMI_UPLOADS_DIR must be an absolute path",
    ),
)


def described() -> list[dict[str, str | None]]:
    """Name, default (None: required), help and example of every setting, for env.example, docs and doctor."""
    return [
        {key: item.metadata[key] for key in ("name", "default", "help", "example")}
        for item in fields(Settings)
        if item.default is MISSING
    ]
