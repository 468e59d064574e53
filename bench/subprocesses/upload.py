"""python -m bench.subprocesses.upload SHOP SECRET JOB FILE: bring a finished file to the shop through its door.

Prints seconds, CPU seconds and peak memory in MB of this process, and how many chunks it took.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sidecar.adapters import memory
from sidecar.adapters.rest_files import RestFiles
from sidecar.adapters.shop import ShopDoor
from sidecar.core.messages import TO_SHOP, Signer, decode_secret

from ..processes import peak_megabytes


class CountingDoor(ShopDoor):
    chunks = 0

    def send_chunk(self, data: dict[str, Any], body: bytes) -> tuple[int, dict[str, Any]]:
        self.chunks += 1
        return super().send_chunk(data, body)


def main() -> None:
    memory.keep_freed()  # as a worker does
    shop, secret, job_id, file = sys.argv[1:]
    with open(file, "rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()  # a worker has it from the checks
    door = CountingDoor(Signer(decode_secret(secret), direction=TO_SHOP, site=shop), shop_url=shop)
    with tempfile.TemporaryDirectory(dir=Path(file).parent) as work:
        files = RestFiles(door, Path(work))
        files.prepare()
        temp = files.temp_path(job_id, "claim", "part")
        os.link(file, temp)
        before, began = time.process_time(), time.perf_counter()
        files.publish(temp, files.name(job_id, 4, "png", time.time()), attempt=1, sha256=digest)
        seconds = time.perf_counter() - began
    print(seconds, time.process_time() - before, peak_megabytes(), door.chunks)


if __name__ == "__main__":
    main()
