"""`python -m sidecar doctor` on a real installation: green when all is well; each fault named, with how to fix it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from sidecar.clock import RECONCILE_S
from sidecar.core.advice import advice
from sidecar.core.messages import new_secret
from tests.e2e.said import entries
from tests.testbed import first_hour
from tests.testbed.customer import Customer
from tests.testbed.places import REPOSITORY
from tests.testbed.redis_server import RedisServer
from tests.testbed.waiting import wait_for
from tests.testbed.whole import Whole

pytestmark = [pytest.mark.wordpress, pytest.mark.xdist_group("doctor")]

# Codes of the catalogue that a test has met.
met: set[str] = set()

# Python reads this file before anything else: every clock in the process is fast.
_FAST_CLOCK = "import time\nright = time.time\ntime.time = lambda: right() + {seconds}\n"


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis"), aof=True) as server:
        yield server


@pytest.fixture(scope="module")
def patient(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """On a Redis server, so that its settings can be changed while all runs."""
    with Whole.start(tmp_path_factory.mktemp("patient"), env={"REDIS_URL": redis.url}, sandbox=["--instant"]) as whole:
        yield whole


@pytest.fixture
def doctor(patient: Whole) -> Callable[..., dict[str, dict]]:
    """Run `doctor`, with some settings changed for it alone: finding by name. The exit status must agree."""

    def run(prefix: tuple[str, ...] = (), **settings: str) -> dict[str, dict]:
        ended = subprocess.run(
            [*prefix, sys.executable, "-m", "sidecar", "doctor", "--json"],
            cwd=REPOSITORY,
            env={**patient.sidecar.env, **settings},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.stdout, ended.stderr
        findings = {finding["name"]: finding for finding in json.loads(ended.stdout)}
        assert ended.returncode == (0 if all(finding["ok"] for finding in findings.values()) else 1)
        return findings

    return run


def _wrong(findings: dict[str, dict]) -> dict[str, str]:
    """Name and remedy of each fault; nothing that is wrong comes without a way to fix it."""
    faults = {name: finding for name, finding in findings.items() if finding["ok"] is False}
    assert all(finding["mend"] for finding in faults.values())
    met.update(finding["advice"]["code"] for finding in faults.values() if "advice" in finding)
    return {name: f"{finding['found']} → {finding['mend']}" for name, finding in faults.items()}


# What all places have said: code => place => the entry.
told: dict[str, dict[str, str]] = {}


def _tell(place: str, text: str) -> None:
    for code, entry in entries(text).items():
        told.setdefault(code, {})[place] = entry


def _listen(patient: Whole, findings: dict[str, dict], setup: str = "") -> None:
    """Have every place say what it finds now."""
    advised = [finding["advice"] for finding in findings.values() if "advice" in finding]
    _tell("doctor", "\n".join(f"{words['sentence']} → {words['command']}" for words in advised))
    page, health, steps = patient.shop.php_json(
        "require_once ABSPATH . 'wp-admin/includes/admin.php'; wp_set_current_user(1);"
        "require_once SMI_BRIDGE_DIR . 'admin/class-first-run-page.php';"
        "$steps = Closure::bind(fn() => self::steps(null), null, SmiBridge\\Admin\\First_Run_Page::class);"
        "return array(SmiBridge\\Health\\Connection_Test::report()['findings'], array("
        "SmiBridge\\Health\\Site_Health::test_doors(), SmiBridge\\Health\\Site_Health::test_leak()), $steps());"
    )
    _tell("settings page", "\n".join(f"{finding['text']} → {finding['fix']}" for finding in page))
    _tell("Site Health", "\n".join(result["description"] for result in health))
    advised = [step["advice"] for step in steps if step["advice"]]
    _tell("first steps", "\n".join(f"{words['sentence']} → {words['command']}" for words in advised))
    _tell("setup", setup)


def test_a_sound_installation_is_green_and_sells(patient: Whole, doctor: Callable, photos: Path) -> None:
    customer = Customer(patient.shop, photos)
    customer.until(customer.buy(), "delivered")
    findings = doctor()
    assert [name for name, finding in findings.items() if finding["ok"] is not True] == []
    assert len(findings) == 18
    assert list(patient.shop.uploads.glob("smi-canary*")) == []


def test_people_get_a_line_for_each_check(patient: Whole) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "sidecar", "doctor"],
        cwd=REPOSITORY,
        env={**patient.sidecar.env, "UPSAMPLER_API_KEY": "wrong"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "ok    Redis: 127.0.0.1:" in ended.stdout
    assert "FAIL  Upsampler: upsampler_key_refused" in ended.stdout
    said = advice("upsampler_key_refused")
    assert f"      → {said.sentence}\n        $ {said.command}\n" in ended.stdout
    assert ended.stdout.count("→") == 1, "one remedy for one fault"


def test_a_refused_key(doctor: Callable) -> None:
    assert list(_wrong(doctor(UPSAMPLER_API_KEY="wrong"))) == ["Upsampler"]


def test_a_wrong_secret(doctor: Callable) -> None:
    wrong = _wrong(doctor(SMI_SECRET=new_secret()))
    assert "the secrets differ" in wrong["The shop's door"]
    assert "settings page" in wrong["The shop's door"]
    assert "Restart `web`" in wrong["Our own door"]


def test_a_wrong_site(patient: Whole, doctor: Callable) -> None:
    elsewhere = patient.shop.url.replace("127.0.0.1", "localhost")
    wrong = _wrong(doctor(SMI_SHOP_URL=elsewhere, SMI_SHOP_ADDRESS=patient.shop.url))
    assert f"WordPress calls itself {patient.shop.url}" in wrong["The shop's door"]
    assert f"Set SMI_SHOP_URL={patient.shop.url}" in wrong["The shop's door"]


@pytest.mark.parametrize(("seconds", "check"), [(600, "The shop's door"), (120, "Clocks")])
def test_a_clock_that_is_wrong(doctor: Callable, tmp_path: Path, seconds: int, check: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(_FAST_CLOCK.format(seconds=seconds))
    wrong = _wrong(doctor(PYTHONPATH=str(tmp_path)))
    apart = re.search(r"([0-9]+) s apart", wrong[check])
    assert apart is not None
    assert seconds - 5 < int(apart[1]) < seconds + 60, "the question itself takes time"
    assert "NTP" in wrong[check]


def test_an_uploads_folder_that_can_not_be_written(patient: Whole, doctor: Callable) -> None:
    # Root may write anywhere, unless it gives that up.
    prefix = ("setpriv", "--bounding-set=-dac_override") if os.geteuid() == 0 else ()
    folder = patient.shop.uploads / "smi-downloads" / ".incoming"
    folder.chmod(0o555)
    try:
        wrong = _wrong(doctor(prefix))
    finally:
        folder.chmod(0o755)
    assert "folder_not_writable" in wrong["Uploads folder"]
    assert "chown" in wrong["Uploads folder"]


def test_another_folder_than_wordpress_has(doctor: Callable, tmp_path: Path) -> None:
    wrong = _wrong(doctor(SMI_UPLOADS_DIR=str(tmp_path)))
    assert list(wrong) == ["The same uploads folder"]
    assert "SMI_UPLOADS_DIR must be the folder behind" in wrong["The same uploads folder"]


def test_a_folder_that_is_not_there(patient: Whole, doctor: Callable, tmp_path: Path) -> None:
    findings = doctor(SMI_UPLOADS_DIR=str(tmp_path / "nowhere"))
    flags = ["--yes", "--no-system", "--folder", str(tmp_path), "--uploads", str(tmp_path / "nowhere")]
    flags += ["--connect", first_hour.connection_string(patient), "--port", str(patient.sidecar_port)]
    ended = subprocess.run(
        [sys.executable, "-m", "sidecar", "setup", *flags], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    _listen(patient, findings, ended.stdout)
    wrong = _wrong(findings)
    assert list(wrong) == ["Uploads folder"]
    assert "Set SMI_UPLOADS_DIR" in wrong["Uploads folder"]


def test_a_site_that_was_not_told_the_sidecars_address(patient: Whole, doctor: Callable) -> None:
    configuration = patient.shop.root / "wp-config.php"
    text = configuration.read_text()
    configuration.write_text(text.replace("SMI_BRIDGE_SIDECAR_URL", "NOTHING"))
    patient.shop.php_fpm.restart()  # PHP remembers files for a moment
    try:
        findings = doctor()
        _listen(patient, findings)
        assert "enter the sidecar's address" in _wrong(findings)["The shop's door"]
    finally:
        configuration.write_text(text)
        patient.shop.php_fpm.restart()


def test_a_redis_that_throws_data_away(redis: RedisServer, patient: Whole, doctor: Callable) -> None:
    client = redis.client()
    try:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("appendonly", "no")
        wrong = _wrong(doctor())
        assert "noeviction" in wrong["Redis"]
        assert requests.get(f"{patient.sidecar.url}/readyz", timeout=10).status_code == 503
        client.config_set("maxmemory-policy", "noeviction")
        assert "appendonly yes" in _wrong(doctor())["Redis keeps its data"]
    finally:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("appendonly", "yes")
        client.close()


def test_an_nginx_without_the_snippet(patient: Whole, doctor: Callable) -> None:
    snippet = patient.shop.nginx.snippet
    text = snippet.read_text()
    snippet.write_text("")
    patient.shop.nginx.restart()
    try:
        findings = doctor()
        _listen(patient, findings)
        wrong = _wrong(findings)
    finally:
        snippet.write_text(text)
        patient.shop.nginx.restart()
    assert "deploy/nginx.conf" in wrong["Paid files are closed"]
    assert "deploy/nginx.conf" in wrong["Our public address"]


def test_a_bridge_that_is_not_active(patient: Whole, doctor: Callable) -> None:
    patient.shop.deactivate("smi-bridge")
    try:
        assert "Activate the SMI Bridge plugin" in _wrong(doctor())["The shop's door"]
    finally:
        patient.shop.activate("smi-bridge")


def test_a_paused_site(patient: Whole, doctor: Callable) -> None:
    patient.shop.option("smi_bridge_paused", "1")
    try:
        findings = doctor()
        _listen(patient, findings)
    finally:
        patient.shop.php("delete_option('smi_bridge_paused');")
    assert "is paused" in _wrong(findings)["The shop's door"]
    assert findings["The shop's door"]["advice"]["code"] == "site_is_a_copy"


def test_a_held_stage(patient: Whole, doctor: Callable) -> None:
    def operate(*line: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "sidecar", *line], cwd=REPOSITORY, env=patient.sidecar.env, check=True, timeout=120
        )

    operate("hold", "submit")
    try:
        assert "smi-sidecar resume" in _wrong(doctor())["Holds"]
    finally:
        operate("resume", "submit")


def test_dead_processes(patient: Whole, doctor: Callable) -> None:
    """SIGKILL, so that nobody says goodbye. `readyz` and `doctor` notice within their 20 s."""
    patient.sidecar.kill("worker")
    patient.sidecar.kill("cron")
    try:
        faults = wait_for(lambda: _both_missing(patient), "both are missed", 30)
        assert set(faults) == {"worker", "cron"}
        _listen(patient, doctor())
        patient.sidecar.kill("web")
        wrong = _wrong(doctor())
    finally:
        patient.sidecar.launch(
            [name for name in ("web", "worker", "cron") if not patient.sidecar.process(name).running]
        )
        patient.sidecar.wait_ready()
    assert "Start the Procfile's `worker`" in wrong["Workers"]
    assert "Start the Procfile's `cron`" in wrong["Clock"]
    assert "Start the Procfile's `web`" in wrong["Our own door"]
    assert "does not lead to us" in wrong["Our public address"]
    wait_for(lambda: requests.get(f"{patient.sidecar.url}/readyz", timeout=10).ok, "all is ready again")


def _both_missing(patient: Whole) -> dict[str, str] | None:
    faults = requests.get(f"{patient.sidecar.url}/readyz", timeout=10).json()["faults"]
    return faults if len(faults) == 2 else None


def test_a_shop_that_is_away(patient: Whole, doctor: Callable) -> None:
    patient.shop.nginx.stop()
    try:
        wrong = _wrong(doctor())
    finally:
        patient.shop.nginx.start()
    assert "Is the shop up" in wrong["The shop's door"]


_PROBLEMS = """
SmiBridge\\Wire\\Sidecar_Report::inspect( 0 );
return [ SmiBridge\\Health\\Problems::all(), SmiBridge\\Health\\Site_Health::test_doors(),
    SmiBridge\\Core\\Time_Limits::SIDECAR_SEEN ];
"""


@pytest.mark.parametrize(
    ("rule", "words", "cure"),
    [
        (
            "if ($http_user_agent ~ smi-sidecar) { return 403 '<h1>No robots</h1>'; }",
            "403, not by the bridge: “No robots”",
            "user agent smi-sidecar",
        ),
        (
            "if ($request_method = POST) { return 302 /guard/challenge?for=secret; }",
            "302, not by the bridge: go to ",
            "bot challenge",
        ),
        (
            "if ($request_method = POST) { return 503 '<title>Checking your browser</title>'; }",
            "503, not by the bridge: “Checking your browser”",
            "bot challenge",
        ),
    ],
    ids=["user agent", "redirect", "challenge page"],
)
def test_a_wall_before_the_shop_is_named_by_all_who_tell_the_admin(
    patient: Whole, doctor: Callable, rule: str, words: str, cure: str
) -> None:
    """The notice comes within two minutes: reconciliation meets the wall, and an admin's page asks for our status."""
    snippet = patient.shop.nginx.snippet
    text = snippet.read_text()
    snippet.write_text(f"default_type text/html;\n{rule}\n{text}")
    patient.shop.nginx.restart()
    try:
        said = _wrong(doctor())["The shop's door"]
        reconcile = [sys.executable, "-m", "sidecar", "reconcile"]
        subprocess.run(reconcile, cwd=REPOSITORY, env=patient.sidecar.env, timeout=60, capture_output=True)
        problems, doors, asked_every_s = patient.shop.php_json(_PROBLEMS)
    finally:
        snippet.write_text(text)
        patient.shop.nginx.restart()
        patient.shop.php("delete_option('smi_bridge_sidecar_health');")
    (notice,) = [problem["text"] for problem in problems if problem["kind"] == "wall"]
    assert doors["status"] == "critical"
    for told in (said, notice, doors["description"]):
        assert words in told and cure in told and "secret" not in told
    assert "let the sidecar through" in said
    assert RECONCILE_S + asked_every_s <= 120


def test_a_redis_that_is_down(redis: RedisServer, patient: Whole, doctor: Callable) -> None:
    redis.stop()
    try:
        findings = doctor()
        ready = requests.get(f"{patient.sidecar.url}/readyz", timeout=30)
    finally:
        redis.start()
    wrong = _wrong(findings)
    assert "Start Redis" in wrong["Redis"]
    assert [name for name, finding in findings.items() if finding["ok"] is None] == [
        "Redis keeps its data", "The store is closed", "Workers", "Clock", "Messages from the shop", "One sidecar",
        "Our own door", "Holds",
    ]  # fmt: skip
    assert findings["Workers"]["found"] == "not looked at: first fix “Redis”"
    assert ready.status_code == 503


def test_what_went_wrong_was_said_in_the_catalogues_words() -> None:
    """By the tests above."""
    assert met == {
        "bridge_not_connected", "clocks_apart", "folder_open", "no_scheduler", "no_worker", "public_address_wrong",
        "shop_door_blocked", "shop_silent", "shop_walled", "sidecar_silent", "site_is_a_copy", "upsampler_key_refused",
        "uploads_not_here", "uploads_not_writable", "uploads_other_folder", "wrong_secret", "wrong_site",
    }  # fmt: skip


def test_all_places_have_said_it_in_the_same_words() -> None:
    """In the tests above: what several of them know of, each in the catalogue's sentence, with its command."""
    assert {code: set(places) for code, places in told.items() if len(places) > 1} == {
        "bridge_not_connected": {"doctor", "settings page", "Site Health", "first steps"},
        "folder_open": {"doctor", "Site Health", "first steps"},
        "no_scheduler": {"doctor", "settings page", "Site Health"},
        "no_worker": {"doctor", "settings page", "Site Health"},
        "public_address_wrong": {"doctor", "settings page", "Site Health"},
        "site_is_a_copy": {"doctor", "settings page", "Site Health", "first steps"},
        "uploads_not_here": {"doctor", "setup"},
    }
    for code, places in told.items():
        assert len(set(places.values())) == 1 and not any(entry.endswith("?") for entry in places.values()), code


def test_after_all_that_it_is_green_again_and_sells(patient: Whole, doctor: Callable, photos: Path) -> None:
    wait_for(lambda: requests.get(f"{patient.sidecar.url}/readyz", timeout=10).ok, "all is ready again")
    assert _wrong(doctor()) == {}
    customer = Customer(patient.shop, photos)
    customer.until(customer.buy(customer.photo(seed=9)), "delivered")
