"""The Grafana dashboard asks only for figures that we give."""

import json
import re
from pathlib import Path

from .test_rq_dashboard import app

DASHBOARD = Path(__file__).resolve().parents[2] / "deploy" / "grafana-dashboard.json"
SOURCES = Path(__file__).resolve().parents[2] / "sidecar"


def test_every_family_and_event_that_it_asks_for_exists(redis_url: str):
    web = app(redis_url)
    log = web.extensions["services"].ports.log
    log("job.delivered", "For the histogram family.", seconds=1.0)
    offered = {line.split()[2] for line in web.test_client().get("/metrics").text.splitlines() if line[:6] == "# TYPE"}
    code = "".join(path.read_text() for path in SOURCES.rglob("*.py"))
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            for family in re.findall(r"smi_[a-z_]+", target["expr"]):
                assert re.sub(r"_(bucket|total)$", "", family) in {name.removesuffix("_total") for name in offered}
            for event in re.findall(r'event="([^"]+)"', target["expr"]):
                assert f'"{event}"' in code
