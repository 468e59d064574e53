"""collect: a result of about 1 GB (PNG, 32000 x 24000 px) from the network into the uploads folder, checked and
hashed.

The stage collect itself, in a process of its own: claim, download over loopback from nginx, integrity check,
SHA-256, temp file, fsync, rename, fsync of the folder, the message to the shop. The baseline is hash and check
over the same file from the page cache, without network and disk. The comparison with the source's picture is
not part of either (SMI_CHECK_PICTURE=0): it is a second pass, and throughput and delivery_latency include it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.core.messages import new_secret
from tests.testbed.nginx import Nginx
from tests.testbed.redis_server import RedisServer

from .. import pictures
from ..bench import Bench
from ..figures import Figure, at_most, figure, interleaved, ratio_at_least
from ..processes import passes, run_subprocess


def run(bench: Bench) -> Iterator[Figure]:
    path, folder = pictures.huge_png(), bench.new_folder("collect")
    with RedisServer(folder / "redis") as redis, Nginx(folder / "cdn", path.parent, php_port=1) as cdn:
        environment = {
            "SMI_SHOP_URL": "http://shop.example",
            "SMI_SECRET": new_secret(),
            "SMI_UPLOADS_DIR": str(folder / "uploads"),
            "UPSAMPLER_API_KEY": "nobody-is-asked",
            "REDIS_URL": redis.url,
            "SMI_PRIVATE_HOSTS": f"127.0.0.1:{cdn.port}",
            "SMI_CHECK_PICTURE": "0",
        }
        (folder / "uploads").mkdir()
        order = (f"http://127.0.0.1:{cdn.port}/{path.name}", str(path.stat().st_size))

        def collect() -> tuple[float, float]:
            seconds, megabytes = run_subprocess("bench.subprocesses.collect", *order, environment=environment)
            return float(seconds), float(megabytes)

        ours, bare = interleaved(bench.runs, collect, lambda: passes("verify_and_hash", path), warm_up=bench.size(1, 0))
    megabytes = path.stat().st_size / 1e6
    speed = [megabytes / seconds for seconds, _ in ours]
    bare_speed = [megabytes / seconds for seconds, _ in bare]
    yield figure("collect", "MB/s", speed, ratio_at_least(0.85), baseline=bare_speed)
    yield figure("collect.memory", "MB", [memory for _, memory in ours], at_most(64))
