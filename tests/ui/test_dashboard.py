"""Dashboard, notices, admin bar, widget, Site Health: what an admin sees without looking for it."""

from typing import Any

import pytest
from playwright.sync_api import expect

from sidecar.core.advice import advice
from tests.ui.axe import findings
from tests.ui.conftest import Ui
from tests.ui.documents import after

HOME = "/wp-admin/index.php"


@pytest.fixture
def clean(ui: Ui) -> Ui:
    """No jobs, nothing dismissed, the sidecar not asked yet."""
    for table in ("ledger", "effects", "events"):
        ui.shop.sql(f"DELETE FROM wp_smi_bridge_{table}")
    ui.shop.php(
        "delete_option('smi_bridge_sidecar_health'); delete_option('smi_bridge_notices');"
        "delete_user_meta(1, 'smi_bridge_dismissed');"
        "foreach (['24h', '7d', '30d'] as $p) { delete_transient('smi_bridge_stats_' . $p); }"
    )
    return ui


def titles(ui: Ui) -> list[str]:
    """What needs a person, in words."""
    return ui.shop.php_json("wp_set_current_user(1); return array_column(SmiBridge\\Health\\Problems::all(), 'title');")


def test_the_figures_are_those_of_the_ledger(clean: Ui):
    for seconds in (10, 20, 30, 400):
        job = clean.bought("delivered")
        clean.shop.sql(
            "UPDATE wp_smi_bridge_ledger SET credits = 2.5, created_at = DATE_SUB(UTC_TIMESTAMP(), INTERVAL 2 HOUR),"
            " delivered_at = DATE_ADD(DATE_SUB(UTC_TIMESTAMP(), INTERVAL 2 HOUR), INTERVAL %s SECOND)"
            " WHERE job_id = %s",
            seconds,
            job,
        )
    refunded = clean.bought("refunded", reason="source_gone")
    clean.shop.sql(
        "INSERT INTO wp_smi_bridge_effects (job_id, attempt, effect, claimed_at, done_at, outcome, detail) VALUES"
        " (%s, 0, 'refund', UTC_TIMESTAMP(), UTC_TIMESTAMP(), 'refunded', '{\"amount\":4.5}')",
        refunded,
    )
    clean.bought("submitted")
    old = clean.bought("delivered")
    clean.shop.sql("UPDATE wp_smi_bridge_ledger SET created_at = '2020-01-01' WHERE job_id = %s", old)
    data = clean.ajax("smi_bridge_dashboard", period="24h").json()["data"]
    stats = data["stats"]
    assert (stats["paid"], stats["delivered"], stats["refunded"], stats["working"]) == (6, 4, 1, 1)
    assert stats["success"] == 0.8
    assert (stats["p50"], stats["p95"]) == (20, 400)
    assert (stats["credits"], stats["money"]) == (10, 4.5)
    assert stats["errors"] == [{"code": "source_gone", "words": "Photo not found", "number": 1}]
    assert sum(stats["series"]["delivered"]) == 4
    assert data["sidecar"]["workers"] == 2 and data["sidecar"]["queues"] == {"submit": 3}
    assert data["working"] == 1
    assert data["words"]["rate"] == "0.2 an hour"
    assert clean.ajax("smi_bridge_dashboard", period="7d").json()["data"]["words"]["rate"] == "0.6 a day"


def test_the_dashboard_draws_refreshes_and_is_accessible(clean: Ui):
    clean.bought("delivered")
    clean.bought("review", reason="upsampler_silent")
    with clean.admin() as page:
        page.goto(clean.url("/wp-admin/admin.php?page=smi-bridge"))
        expect(page.locator("[data-smib=paid]")).to_have_text("2")
        expect(page.locator("#smib-link")).to_have_text("Connected")
        expect(page.locator("[data-smib-stage=submit] strong")).to_have_text("3")
        assert page.locator(".smib-chart canvas").count() == 2
        assert findings(page, ".smib-admin") == []
        with page.expect_response(lambda r: "period=7d" in (r.request.post_data or "")):
            page.get_by_role("button", name="7 days").click()
        expect(page.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")
        page.locator("summary").first.click()
        assert page.locator("details table tr").count() > 28


def test_a_held_stage_says_why_and_since_when(clean: Ui):
    usual = dict(clean.sidecar.status)
    hold = {"reason": "upsampler_credits_exhausted", "detail": "HTTP 402", "since": after(-600)}
    clean.sidecar.status |= {"held": {"submit": hold}}
    try:
        with clean.admin() as page:
            page.goto(clean.url("/wp-admin/admin.php?page=smi-bridge"))
            cell = page.locator("[data-smib-stage=submit]")
            expect(cell).to_contain_text("The Upsampler account is empty, 10 minutes ago")
            expect(cell).to_have_class("held")
            expect(page.locator("[data-smib-stage=collect] span")).to_be_empty()
    finally:
        clean.sidecar.status |= usual


def test_a_stage_tells_the_ages_of_its_work_and_of_its_oldest_jobs(clean: Ui):
    usual = dict(clean.sidecar.status)
    ages = {"ready_seconds": {"submit": 300}, "job_seconds": {"paid": 320, "submitting": 5, "enlarged": 7200}}
    clean.sidecar.status |= ages
    try:
        clean.shop.option("smi_bridge_sidecar_health", "")
        late = clean.ajax("smi_bridge_dashboard", period="24h").json()["data"]["sidecar"]["late"]
        paid = "waits for 5 min; Waiting to be submitted: the oldest for 5 min 20 s"
        assert late == {"submit": paid, "collect": "Being collected: the oldest for 2 h"}
    finally:
        clean.sidecar.status.clear()
        clean.sidecar.status.update(usual)
        clean.shop.option("smi_bridge_sidecar_health", "")


def test_a_dashboard_without_the_sidecar_says_so_and_still_counts(clean: Ui):
    clean.bought("delivered")
    clean.shop.option("smi_bridge_sidecar_url", "http://127.0.0.1:9")
    try:
        with clean.admin() as page:
            page.goto(clean.url("/wp-admin/admin.php?page=smi-bridge"))
            expect(page.locator("#smib-link")).to_contain_text("No connection.")
            expect(page.locator("[data-smib=paid]")).to_have_text("1")
    finally:
        clean.shop.option("smi_bridge_sidecar_url", clean.sidecar.url)


def test_a_bridge_that_is_not_connected_any_more_does_not_seem_so(clean: Ui):
    """Whatever the sidecar has said while it was."""
    clean.shop.php("SmiBridge\\Wire\\Sidecar_Report::inspect( 0 );")
    clean.shop.option("smi_bridge_sidecar_url", "")
    try:
        with clean.admin() as page:
            page.goto(clean.url("/wp-admin/admin.php?page=smi-bridge"))
            expect(page.locator("#smib-link")).to_contain_text("SMI Bridge is not connected yet.")
    finally:
        clean.shop.option("smi_bridge_sidecar_url", clean.sidecar.url)


def test_nothing_wrong_means_no_notice_and_no_light(clean: Ui):
    clean.bought("delivered")
    page = clean.shop.admin.get(clean.url(HOME), timeout=30).text
    assert "smib-needs" not in page and "wp-admin-bar-smi-bridge" not in page
    assert "All is well. Nothing needs you." in page


def test_a_phone_shows_the_light_too(clean: Ui):
    clean.bought("review")
    with clean.admin(viewport={"width": 390, "height": 844}) as page:
        page.goto(clean.url(HOME))
        light = page.locator("#wp-admin-bar-smi-bridge > a")
        expect(light).to_be_visible()
        expect(light).to_contain_text("1")
        box = light.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["y"] + box["height"] <= 47


def test_each_problem_is_named_and_leads_to_its_list(clean: Ui):
    clean.bought("review", reason="upsampler_silent")
    clean.bought("review", reason="refund_due")
    late = clean.bought("submitted")
    clean.shop.sql(
        "UPDATE wp_smi_bridge_ledger SET updated_at = DATE_SUB(UTC_TIMESTAMP(), INTERVAL 16 MINUTE) WHERE job_id = %s",
        late,
    )
    clean.door.send(
        "admin.notice",
        {
            "kind": "hold",
            "stage": "submit",
            "reason": "x",
            "detail": "Our key <b>was</b> refused.",
            "since": "2026-11-22T10:00:00Z",
        },
    )
    with clean.admin() as page:
        page.goto(clean.url(HOME))
        notice = page.locator(".smib-needs")
        for words in ("1 refund is due", "1 job waits for your decision", "1 job is past due", "Jobs are on hold"):
            expect(notice).to_contain_text(words)
        expect(notice).to_contain_text("Our key <b>was</b> refused.")
        notice.get_by_role("link", name="1 job is past due").click()
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator("tbody")).to_contain_text(late[:8].upper())


def test_no_problem_of_the_dashboard_leads_to_the_dashboard(clean: Ui):
    """There is always a place further on."""
    usual = dict(clean.sidecar.status)
    clean.sidecar.status |= {"workers": 0}
    notice = {"stage": "submit", "reason": "held_by_admin", "detail": "d", "since": "2026-11-22T10:00:00Z"}
    clean.door.send("admin.notice", {"kind": "hold"} | notice)
    try:
        clean.shop.php("SmiBridge\\Wire\\Sidecar_Report::inspect( 0 );")
        found = clean.shop.php_json("return SmiBridge\\Health\\Problems::all();")
    finally:
        clean.sidecar.status |= usual
    assert {problem["kind"].split(":")[0] for problem in found} >= {"worker", "notice"}
    assert [problem["title"] for problem in found if problem["url"].endswith("page=smi-bridge")] == []


def test_a_bridge_that_is_not_connected_leads_to_the_first_steps(clean: Ui):
    url = clean.shop.option("smi_bridge_sidecar_url")
    clean.shop.option("smi_bridge_sidecar_url", "")
    try:
        [problem] = clean.shop.php_json("return SmiBridge\\Health\\Problems::all();")
    finally:
        clean.shop.option("smi_bridge_sidecar_url", url)
    assert problem["kind"] == "setup" and problem["url"].endswith("page=smi-bridge-first-run")


def test_waiting_for_a_planned_retry_is_not_past_due(clean: Ui):
    job = clean.bought("submitted")
    clean.shop.sql(
        "UPDATE wp_smi_bridge_ledger SET updated_at = DATE_SUB(UTC_TIMESTAMP(), INTERVAL 20 MINUTE),"
        " next_try_at = DATE_ADD(UTC_TIMESTAMP(), INTERVAL 5 MINUTE) WHERE job_id = %s",
        job,
    )
    assert titles(clean) == []


def test_a_dismissed_notice_comes_back_only_when_it_gets_worse(clean: Ui):
    clean.bought("review")
    with clean.admin() as page:
        page.goto(clean.url(HOME))
        with page.expect_response(lambda r: "smi_bridge_dismiss" in (r.request.post_data or "")):
            page.locator(".smib-needs .notice-dismiss").click()
        page.reload()
        assert page.locator(".smib-needs").count() == 0
        expect(page.locator("#wp-admin-bar-smi-bridge")).to_be_visible()
        clean.bought("review")
        page.reload()
        expect(page.locator(".smib-needs")).to_contain_text("2 jobs wait for your decision")


def test_dead_workers_and_a_lost_connection_are_noticed_without_making_pages_wait(clean: Ui):
    usual = dict(clean.sidecar.status)
    clean.sidecar.status |= {"workers": 0}
    try:
        clean.shop.admin.get(clean.url(HOME), timeout=30)
        clean.sidecar.wait("status")
        assert "No worker is alive" in titles(clean)
    finally:
        clean.sidecar.status |= usual
    clean.shop.option(
        "smi_bridge_sidecar_health", {"at": 1, "ok": False, "code": "timeout", "since": 1, "message": "m"}
    )
    assert "The connection to the sidecar is lost" in titles(clean)


def test_site_health_tells_good_from_bad(clean: Ui):
    found: dict[str, Any] = {}
    code = (
        "require_once ABSPATH . 'wp-admin/includes/admin.php'; wp_set_current_user(1);"
        "return SmiBridge\\Health\\Site_Health::test_{}();"
    )
    (clean.shop.uploads / "smi-downloads").mkdir(exist_ok=True, parents=True)
    for name in ("handler", "jobs", "folder", "doors", "leak"):
        found[name] = clean.shop.php_json(code.format(name))
    assert found["doors"]["status"] == "good"
    assert found["jobs"]["status"] == "good"
    assert found["folder"]["status"] == "recommended", "the guards are missing"
    assert found["leak"]["status"] == "critical", "this nginx hands out everything"
    assert list((clean.shop.uploads / "smi-downloads").iterdir()) == [], "the canary is gone"
    clean.bought("review", reason="refund_due")
    assert clean.shop.php_json(code.format("jobs"))["status"] == "critical"
    for result in found.values():
        assert {"label", "status", "badge", "description", "actions", "test"} <= set(result)


def test_site_health_says_what_the_connection_test_says(clean: Ui):
    """Also of a warning that the catalogue has an entry for."""
    doors = (
        "require_once ABSPATH . 'wp-admin/includes/admin.php'; wp_set_current_user(1);"
        "return SmiBridge\\Health\\Site_Health::test_doors();"
    )
    clean.shop.option("smi_bridge_paused", "1")
    try:
        found = clean.shop.php_json(doors)
    finally:
        clean.shop.php("delete_option('smi_bridge_paused');")
    assert found["status"] == "recommended"
    assert advice("site_is_a_copy").sentence in found["description"]
    assert advice("site_is_a_copy").command in found["description"]


def test_where_only_the_sidecar_writes_the_last_picture_is_asked_for(clean: Ui):
    code = "require_once ABSPATH . 'wp-admin/includes/admin.php'; return SmiBridge\\Health\\Site_Health::test_leak_of_a_picture();"  # noqa: E501
    job = clean.bought("delivered")
    assert clean.shop.php_json(code)["label"] == "There is nothing to protect here yet"
    path = clean.shop.sql("SELECT path FROM wp_smi_bridge_ledger WHERE job_id = %s", job)[0]["path"]
    file = clean.shop.uploads / "smi-downloads" / path
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_bytes(b"a picture")
    try:
        assert clean.shop.php_json(code)["status"] == "critical", "this nginx hands out everything"
        remove = clean.mu_plugin(
            "closed", "add_filter('pre_http_request', fn() => ['response' => ['code' => 404], 'headers' => []]);"
        )
        assert clean.shop.php_json(code)["status"] == "good"
        remove()
    finally:
        file.unlink()


def test_site_healths_own_page_runs_our_tests(clean: Ui):
    with clean.admin() as page:
        with page.expect_response(lambda r: "health-check-smi-bridge_doors" in (r.request.post_data or "")) as answer:
            page.goto(clean.url("/wp-admin/site-health.php"))
        assert answer.value.json()["data"]["status"] == "good"


def test_debug_information_holds_no_secret(clean: Ui):
    info = clean.shop.php(
        "require_once ABSPATH . 'wp-admin/includes/admin.php'; echo json_encode(SmiBridge\\Health\\Site_Health::debug([]));"  # noqa: E501
    )
    assert "whsec_" not in info and clean.sidecar.url.split("//")[1] in info.replace("\\/", "/")


def test_the_privacy_policy_gets_a_suggestion(clean: Ui):
    guide = clean.shop.admin.get(clean.url("/wp-admin/options-privacy.php?tab=policyguide"), timeout=30).text
    assert "it is handed to Upsampler" in guide
