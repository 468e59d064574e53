"""SMI_MIN_DOWNLOAD_KBPS holds for whatever is downloaded: a result, and a source that lies elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.workflow.rig import Rig
from tests.workflow.test_slow_sources import URL


def _noted(stream: Callable[..., Any], speeds: list[float]) -> Callable[..., Any]:
    def noting(*what: Any, least_bytes_per_s: float, **how: Any) -> Any:
        speeds.append(least_bytes_per_s)
        return stream(*what, least_bytes_per_s=least_bytes_per_s, **how)

    return noting


@pytest.mark.parametrize("kbps", [0, 7])
def test_each_download_is_told_the_least_speed(kbps: int) -> None:
    rig = Rig(SMI_MIN_DOWNLOAD_KBPS=str(kbps))
    rig.sources.long_heads.add(URL)
    rig.sources.far = True
    results: list[float] = []
    sources: list[float] = []
    rig.fetcher.stream = _noted(rig.fetcher.stream, results)  # type: ignore[method-assign]
    rig.sources.stream = _noted(rig.sources.stream, sources)  # type: ignore[method-assign]
    rig.buy()
    rig.let_pass(60)
    assert rig.row().state == "delivered"
    assert (results, sources) == ([kbps * 1000], [kbps * 1000])
