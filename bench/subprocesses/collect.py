"""python -m bench.subprocesses.collect URL BYTES: run collect on one job; prints seconds and peak memory in MB.

Settings come from the environment, as a worker's do; Redis, network and disk are real.
"""

from __future__ import annotations

import sys
import time

from sidecar.adapters import memory
from sidecar.core.job import Job
from sidecar.services import Services
from sidecar.workflow import runner

from .. import HUGE
from ..processes import peak_megabytes


def main() -> None:
    memory.keep_freed()  # as a worker does
    ports = Services.from_env().ports
    now = time.time()
    job = Job(
        f"collect-{time.time_ns()}",
        1,
        "enlarged",
        factor=8,
        width=HUGE[0] // 8,
        height=HUGE[1] // 8,
        source_format="png",
        submission=1,
        upsampler_id="bench",
        result_url=sys.argv[1],
        result_until=int(now + 3600),
    )
    ports.store.create(job, due_at=now + 3600)
    began = time.perf_counter()
    runner.run_stage(ports, "collect", job.job_id, 1)
    while ports.transfers.alone():  # ends: its reads have a deadline
        time.sleep(0.001)
    left = ports.store.get(job.job_id)
    if left and left.state == "enlarged":  # all of it lies on the disk, and a worker comes again
        runner.run_stage(ports, "collect", job.job_id, 1)
    seconds = time.perf_counter() - began
    stored = ports.store.get(job.job_id)
    if stored is None or stored.state != "stored" or stored.bytes != int(sys.argv[2]):
        raise SystemExit(f"the job is not stored but {stored}")
    ports.files.remove(stored.path)
    ports.store.forget(job.job_id)
    print(seconds, peak_megabytes())


if __name__ == "__main__":
    main()
