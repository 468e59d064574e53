"""Adapter: figures for Prometheus. Every log line counts, in Redis, so that all processes and machines add up.

The exposition is prometheus_client's; what is counted is the log's events, so that figure and line never disagree.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from multiprocessing.util import Finalize
from typing import Any

import redis
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from ..core.stored_names import Keys

BUCKETS_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)
_LABELS = ("stage", "reason", "outcome")
# What a label may say: the words of our tables and of the shop's. The hash never expires, so a text with something that
# changes each time in it, which a stranger may have brought about, would fill Redis.
_WORD = re.compile(r"[A-Za-z0-9_.]{0,64}")
NO_WORD = "other"


class Counters:
    """Counts in a Redis hash: ``n|event|stage|reason|outcome``, and buckets of seconds for events that took a while.

    A process keeps its counts for up to a second and then adds them in one go: a paid job has eight events, and a
    command for each would be a seventh of all that it asks of Redis. A process that is killed loses that second.
    """

    def __init__(self, connection: redis.Redis, keys: Keys, *, every_s: float = 1.0):
        self._redis = connection
        self._key = keys.metrics
        self._every_s = every_s
        self._pid = 0
        self._waiting: Counter[str] = Counter()

    def count(self, event: str, fields: dict[str, Any]) -> None:
        """One more of `event`. Of `fields` count the labels stage, reason and outcome, and `seconds`, a number, in its
        bucket."""
        if self._pid != os.getpid():
            self._begin()
        labels = "|".join(map(_label, (fields.get(name) for name in _LABELS)))
        seconds = fields.get("seconds")
        with self._lock:
            self._waiting[f"n|{event}|{labels}"] += 1
            if isinstance(seconds, int | float):
                bucket = next((b for b in BUCKETS_S if seconds <= b), "+Inf")
                self._waiting[f"b|{event}|{bucket}"] += 1
                self._waiting[f"s|{event}"] += seconds  # type: ignore[assignment]  # its stubs know whole numbers only

    def flush(self) -> None:
        """Add what waits. Raises redis.RedisError, and keeps it."""
        if self._pid != os.getpid():
            return
        with self._lock:
            counted, self._waiting = self._waiting, Counter()
        if not counted:
            return
        try:
            with self._redis.pipeline(transaction=True) as pipe:
                for name, amount in counted.items():
                    add = pipe.hincrbyfloat if name.startswith("s|") else pipe.hincrby
                    add(self._key, name, amount)
                pipe.execute()
        except redis.RedisError:
            with self._lock:
                self._waiting.update(counted)
            raise

    def read(self) -> dict[str, float]:
        """Name in the hash -> figure, with what this process has counted so far. Raises redis.RedisError."""
        self.flush()
        return {str(name): float(value) for name, value in self._redis.hgetall(self._key).items()}

    def _begin(self) -> None:
        """In this process, which may be a fork of one that counts, too: nothing of the parent's is ours."""
        self._lock, self._waiting, self._pid = threading.Lock(), Counter(), os.getpid()
        Finalize(None, self._last_flush, exitpriority=1)
        with suppress(RuntimeError):  # no room for a thread: the counts are added at the end
            threading.Thread(target=self._flush_for_ever, name="metrics", daemon=True).start()

    def _flush_for_ever(self) -> None:
        while True:  # ends: a daemon thread, with its process
            time.sleep(self._every_s)
            self._last_flush()

    def _last_flush(self) -> None:
        with suppress(redis.RedisError):  # away: what was counted waits
            self.flush()


def _label(value: object) -> str:
    text = str(value or "")
    return text if _WORD.fullmatch(text) else NO_WORD


class CountingLog:
    """A log port that also counts."""

    def __init__(self, log: Callable[..., None], counters: Counters):
        self._log, self._counters = log, counters

    def __call__(self, event: str, sentence: str, **fields: Any) -> None:
        self._log(event, sentence, **fields)
        self._counters.count(event, fields)


class _Collector:
    """Families whose every sample names the site."""

    def __init__(self, families: Iterable[Any], site: str):
        self._families = list(families)
        for family in self._families:
            family.samples = [sample._replace(labels={"site": site, **sample.labels}) for sample in family.samples]

    def collect(self) -> Iterable[Any]:
        return self._families


def exposition(counted: dict[str, float], gauges: Mapping[str, Mapping[str, float]], *, site: str) -> bytes:
    """Prometheus' text format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).

    Args:
        counted: what `Counters.read` gave.
        gauges: family -> label value -> number, e.g. ``{"jobs": {"submitted": 3}}``; label "" for a family without one.
        site: its hash, a label of each sample.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector([*_counter(counted), *_histograms(counted), *_gauges(gauges)], site))
    return generate_latest(registry)


def _counter(counted: dict[str, float]) -> Iterable[Any]:
    family = CounterMetricFamily("smi_events", "Log lines by event", labels=["event", *_LABELS])
    for name, value in sorted(counted.items()):
        if name.startswith("n|"):
            family.add_metric(name.split("|")[1:], value)
    yield family


def _histograms(counted: dict[str, float]) -> Iterable[Any]:
    family = HistogramMetricFamily("smi_seconds", "Seconds that an event took to come about", labels=["event"])
    for event in sorted(name[2:] for name in counted if name.startswith("s|")):
        total, buckets = 0.0, []
        for bound in (*BUCKETS_S, "+Inf"):
            total += counted.get(f"b|{event}|{bound}", 0)
            buckets.append((str(bound), total))
        family.add_metric([event], buckets, counted[f"s|{event}"])
    yield family


def _gauges(gauges: Mapping[str, Mapping[str, float]]) -> Iterable[Any]:
    for name, values in gauges.items():
        labelled = set(values) != {""}
        family = GaugeMetricFamily(f"smi_{name}", name.replace("_", " "), labels=["name"] if labelled else [])
        for label, value in values.items():
            family.add_metric([label] if labelled else [], value)
        yield family
