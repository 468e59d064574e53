"""payment_hook: what `smi_payment_completed` adds to the payment request.

The payment stub fires the action inside a request and says how long it took there; the same request
without the action is measured in between, and the difference that the payer sees at his end of the connection
is given as well (`payment_hook.request`). Upsampler answers a submit after 0, 0.2 or 2 s, or never; the sidecar
is up, dead (its port refuses), or a black hole (its port takes no connection and refuses none). Before each
payment the bridge forgets that the sidecar was away, so that each meets it as if for the first time. The figure
is the worst of all cases; the baseline is the in-request handler with an Upsampler that takes 2 s. Where
Upsampler never answers, its request ends after 60 s.
"""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from .. import pictures
from ..bench import Bench
from ..figures import Figure, at_most, figure, interleaved, ratio_at_least
from ..systems import Baseline, Ours, System

EACH = 12  # payments a run
SLOW = {"0": 0, "200ms": 0.2, "2s": 2, "never": 3600}


def run(bench: Bench) -> Iterator[Figure]:
    folder = bench.new_folder("payment-hook")
    sandbox = ["--canned", str(pictures.bought()[1]), "--delay", "3600"]
    baseline = Baseline(folder / "baseline", sandbox, bench.say)
    ours = Ours(folder / "ours", sandbox, bench.say)
    try:
        for system in (baseline, ours):
            system.stock(pictures.bought()[0])
        yield from _compared(bench, ours, baseline)
    finally:
        ours.stop()
        baseline.stop()


def _compared(bench: Bench, ours: Ours, baseline: Baseline) -> Iterator[Figure]:
    with ThreadPoolExecutor(1) as background:
        if not bench.quick:
            # They wait and cost nothing, so all five runs of the longest case wait at the same time.
            baseline.fault(_hang(SLOW["never"]))
            never = background.submit(_many_at_once, baseline, bench.runs)
            time.sleep(1)
        theirs = {name: _in_request(bench, baseline, seconds) for name, seconds in SLOW.items() if name != "never"}
        cases = {f"upsampler_{name}": _case(bench, ours, _hang(seconds)) for name, seconds in SLOW.items()}
        ours.sidecar.process("web").stop()
        cases["sidecar_dead"] = _case(bench, ours)
        with _black_hole(ours.sidecar.port):
            cases["sidecar_black_hole"] = _case(bench, ours)
        if not bench.quick:
            theirs["never"] = never.result(timeout=600)
    worst = max(cases.values(), key=lambda runs: statistics.median(action for action, _ in runs))
    yield figure(
        "payment_hook", "ms", [action for action, _ in worst], at_most(5), baseline=theirs["2s"], speed_up=True
    )
    request = [max(runs[at][1] for runs in cases.values()) for at in range(bench.runs)]
    yield figure("payment_hook.request", "ms", request, note="as the payer sees it, worst case of each run")
    at_2s = [action for action, _ in cases["upsampler_2s"]]
    yield figure("payment_hook.at_2s", "ms", at_2s, ratio_at_least(400), baseline=theirs["2s"], speed_up=True)
    for name, runs in cases.items():
        baseline_runs = theirs.get(name.removeprefix("upsampler_"))
        yield figure(
            f"payment_hook.{name}",
            "ms",
            [action for action, _ in runs],
            at_most(5),
            baseline=baseline_runs,
            speed_up=True,
        )


def _case(bench: Bench, system: System, *faults: dict) -> list[tuple[float, float]]:
    """(median milliseconds of the action, of the whole request's difference) of each run."""
    system.fault(*faults)
    payments = system.payment_stub()
    each = bench.size(EACH, 2)

    def pay(fire: bool) -> tuple[float, float]:
        began = time.perf_counter()
        _, action_ms = payments.pay("customer@shop.example", fire=fire, forget_circuit=True)
        return action_ms, 1000 * (time.perf_counter() - began)

    def one_run() -> tuple[float, float]:
        fired, plain = interleaved(each, lambda: pay(True), lambda: pay(False))
        difference = statistics.median(seen for _, seen in fired) - statistics.median(seen for _, seen in plain)
        return statistics.median(action for action, _ in fired), difference

    (runs,) = interleaved(bench.runs, one_run)
    payments.close()
    return runs


def _in_request(bench: Bench, system: System, seconds: float) -> list[float]:
    """Milliseconds of the action, run by run."""
    system.fault(_hang(seconds))
    payments = system.payment_stub()
    (runs,) = interleaved(bench.runs, lambda: payments.pay("customer@shop.example")[1])
    payments.close()
    return runs


def _many_at_once(system: System, times: int) -> list[float]:
    def pay(_: int) -> float:
        payments = system.payment_stub()
        try:
            return payments.pay("customer@shop.example")[1]
        finally:
            payments.close()

    with ThreadPoolExecutor(times) as payers:
        return list(payers.map(pay, range(times)))


def _hang(seconds: float) -> dict:
    return {"fault": "submit_hang", "params": {"seconds": seconds}}


@contextmanager
def _black_hole(port: int) -> Iterator[None]:
    """A port that leaves whoever connects without an answer: its line of waiting connections is full."""
    with socket.socket() as hole:
        hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        hole.bind(("127.0.0.1", port))
        hole.listen(0)
        waiting = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
            waiting.append(client)
        try:
            yield
        finally:
            for client in waiting:
                client.close()
