"""The one place that names the concrete parts: builds them from Settings. Opens no connection until one is used."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from dotenv import dotenv_values
from redis import Redis

from .adapters import faults, images, logs, memory, refusals
from .adapters.cdn import Cdn
from .adapters.connections import connect
from .adapters.copies import SourceCopies
from .adapters.fetch import SafeFetcher
from .adapters.files import INCOMING, ResultFiles
from .adapters.lease import LeaseKeeper
from .adapters.metrics import Counters, CountingLog
from .adapters.parts import Parts
from .adapters.rest_files import RestFiles
from .adapters.shop import ShopDoor
from .adapters.sources import Sources
from .adapters.store import RedisJobStore, RedisOutbox
from .adapters.transfers import Transfers
from .adapters.upsampler import UpsamplerClient
from .adapters.workqueue import WorkQueue
from .core.advice import advice, in_two_lines
from .core.errors import ConfigurationError
from .core.messages import TO_SHOP, TO_SIDECAR, Opener, Signer
from .core.settings import Settings
from .core.stored_names import Keys
from .core.tokens import TokenMaker
from .workflow.ports import Ports
from .workflow.time_limits import SOURCE_LINK_S


def load_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Settings from `.env` and the environment, which wins; a small machine has fewer processes. Raises
    ConfigurationError "configuration_invalid" with all faults at once, "env_unreadable"."""
    if env is None:
        env = {**memory.defaults(), **_env_of_file(), **os.environ}
    settings = Settings.from_env(env)
    connect(settings.redis_url, settings.data_dir, decode=True)  # opens nothing, and looks at the options of REDIS_URL
    return settings


def env_file() -> Path | None:
    """`.env` of the working folder, else the one that setup has written."""
    places = (Path(".env"), Path("/etc/smi-sidecar/.env"), Path.home() / "smi-sidecar" / ".env")
    return next((place for place in places if os.path.exists(place)), None)


def _env_of_file() -> dict[str, str]:
    """Raises `env_unreadable`."""
    file = env_file()
    if file is None:
        return {}
    try:
        return {name: value for name, value in dotenv_values(file).items() if value is not None}
    except PermissionError as error:
        owner = file.owner()
        words = advice("env_unreadable", file=file, user=owner, program=" ".join(("smi-sidecar", *sys.argv[1:])))
        raise ConfigurationError("env_unreadable", in_two_lines(words)) from error


@dataclass(frozen=True)
class Services:
    """All parts of one process, each made when it is first asked for."""

    settings: Settings

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Services:
        """A whole process: the log, and Sentry where it is asked for, are set up as well. Raises as `load_settings`."""
        settings = load_settings(env)
        logs.configure(format=settings.log_format, level=settings.log_level, site=settings.site_hash)
        if settings.sentry_dsn:
            faults.report_to(settings.sentry_dsn)
        return cls(settings)

    @cached_property
    def redis(self) -> Redis:
        """Text answers, for our own data."""
        return connect(self.settings.redis_url, self.settings.data_dir, decode=True)

    @cached_property
    def rq_redis(self) -> Redis:
        """Bytes, as RQ wants them."""
        return connect(self.settings.redis_url, self.settings.data_dir, decode=False)

    @cached_property
    def keys(self) -> Keys:
        """The names in Redis of the site that is served: there is one so far."""
        return Keys(self.settings.site_hash)

    @cached_property
    def counters(self) -> Counters:
        return Counters(self.redis, self.keys)

    @cached_property
    def opener(self) -> Opener:
        return Opener(self.settings.secrets, direction=TO_SIDECAR, site=self.settings.site)

    @cached_property
    def work_queue(self) -> WorkQueue:
        """The workers' side of the port `queue`, too."""
        return WorkQueue(self.rq_redis, self.keys)

    @cached_property
    def ports(self) -> Ports:
        """What the workflow may touch. `SMI_CRASH_POINTS`, a folder, is set by crash tests only."""
        settings = self.settings
        fetcher = SafeFetcher(private_hosts=settings.private_hosts)
        folder = settings.downloads_dir
        crash_point = _crash_points(os.environ.get("SMI_CRASH_POINTS", ""))
        shop = ShopDoor(
            Signer(settings.secret, direction=TO_SHOP, site=settings.site),
            shop_url=settings.shop_url,
            address=settings.shop_address,
        )
        files: ResultFiles | RestFiles
        if settings.at_the_shop:
            files = RestFiles(shop, folder, crash_point=crash_point)
        else:
            modes = {"file_mode": settings.file_mode, "folder_mode": settings.folder_mode}
            files = ResultFiles(folder, user_of=settings.data_dir, **modes)
        sources = Sources(
            fetcher,
            uploads_dir=None if settings.at_the_shop else settings.uploads_dir,
            uploads_url=settings.uploads_base_url,
            shop_url=settings.shop_url,
            work_dir=folder,
            signed=lambda job_id: settings.source_address(job_id, int(time.time()) + SOURCE_LINK_S),
        )
        queue = self.work_queue
        return Ports(
            settings=settings,
            clock=time.time,
            random=random.random,
            store=RedisJobStore(self.redis, self.keys, slots=settings.upsampler_concurrency, notify_worker=queue.flush),
            outbox=RedisOutbox(self.redis, self.keys, notify_worker=queue.flush),
            queue=queue,
            shop=shop,
            upsampler=UpsamplerClient(
                base_url=settings.upsampler_url,
                api_key=settings.upsampler_key,
                mode=settings.upsampler_mode,
                image_type=settings.upsampler_image_type,
            ),
            fetcher=fetcher,
            sources=sources,
            copies=SourceCopies(
                folder,
                folder if settings.at_the_shop else settings.uploads_dir,
                files.publish_copy if isinstance(files, RestFiles) else None,
            ),
            files=files,
            cdn=Cdn(settings, folder, clock=time.time)
            if settings.download_mode == "redirect" and settings.hands_out
            else None,
            parts=Parts(folder / INCOMING, prepare=files.prepare),
            transfers=Transfers(most=settings.slow_downloads),
            pictures=images,
            tokens=TokenMaker(settings.signing_keys, settings.site_hash),
            leases=LeaseKeeper(),
            log=CountingLog(logs.log, self.counters),
            bind=logs.bind,
            crash_point=crash_point,
            memory_outages=refusals.AWAY,
        )


@cache
def services() -> Services:
    """The parts of this process, made at the first question, and of all that are forked from it after that. Raises as
    `Services.from_env`."""
    return Services.from_env()


def _crash_points(folder: str) -> Callable[[str], None]:
    """For crash tests: a file in `folder` that is named like a point holds the name of the signal that the process
    sends itself there, once for each file: KILL to die, STOP to sleep until somebody sends CONT."""

    def reached(point: str) -> None:
        file = Path(folder, point)
        try:
            signal_name = file.read_text()
            file.unlink()
        except FileNotFoundError:
            return
        os.kill(os.getpid(), signal.Signals[f"SIG{signal_name}"])

    return reached if folder else (lambda point: None)
