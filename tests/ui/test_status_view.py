"""The customer's view in a real browser: return from payment, every phase, closing and coming back, keyboard."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.testbed.browser import PATIENCE_MS
from tests.testbed.customer import status_page
from tests.ui.axe import findings
from tests.ui.conftest import Ui
from tests.ui.documents import PHASES, document

JOB = "1a2b3c4d-0000-4000-8000-000000000002"
RETURN = f"/?smi_payment=success&session_id=cs_test_1&job_id={JOB}"
STATUS = re.compile(r"smi-bridge/v1/status/")


class StatusDoor:
    """Answers a page's status requests; `document` and `status` may change while the page looks on."""

    def __init__(self, page: Any, doc: dict[str, Any] | None, status: int = 200) -> None:
        self.document, self.status, self.etag = doc, status, ""
        self.asked: list[dict[str, str]] = []
        page.route(STATUS, self._answer)

    def _answer(self, route: Route) -> None:
        headers = route.request.all_headers()
        self.asked.append(headers)
        if self.document is None:
            route.fulfill(status=404, json={"error": "unknown_job"})
        elif self.status != 200:
            route.fulfill(status=self.status, body="away")
        elif self.etag and headers.get("if-none-match") == self.etag:
            route.fulfill(status=304)
        else:
            route.fulfill(json=self.document, headers={"ETag": self.etag} if self.etag else {})


def test_the_window_opens_on_return_from_payment(ui_everywhere: Ui):
    with ui_everywhere.visitor() as page:
        StatusDoor(page, document("enlarging"))
        page.goto(ui_everywhere.url(RETURN))
        dialog = page.get_by_role("dialog", name="Your picture is being enlarged")
        expect(dialog).to_be_visible()
        expect(dialog.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile(r"^(3[89]|4\d)$"))
        expect(dialog.get_by_text("About 2 min left")).to_be_visible()
        expect(dialog.locator("li[aria-current=step]")).to_have_text(re.compile("Enlarging"))


@pytest.mark.parametrize(
    "query",
    [
        f"?smi_job_id={JOB}&smi_status=success",
        f"?smi_payment=success&job_id={JOB}",
        f"?smi_job_id={JOB}&page_id=2",
        f"?utm_source=mail?smi_payment=success&session_id=cs_1&job_id={JOB}",  # the shop knows no query but its own
        f"?utm_source=mail%3Fsmi_payment%3Dsuccess&session_id=cs_1&job_id={JOB}",
    ],
)
def test_each_form_of_the_return_address_opens_it_and_is_tidied(ui: Ui, query: str):
    with ui.visitor() as page:
        StatusDoor(page, document("queued"))
        page.goto(ui.url("/" + query))
        expect(page.get_by_role("dialog")).to_be_visible()
        assert "smi_" not in page.url and JOB not in page.url and "session_id" not in page.url
        assert ("page_id=2" in page.url or "sample-page" in page.url) == ("page_id" in query)
        assert page.url.endswith("?utm_source=mail") == ("utm_source" in query)


@pytest.mark.parametrize("phase", PHASES)
def test_axe_finds_nothing_in_any_phase(ui: Ui, phase: str):
    with ui.visitor() as page:
        StatusDoor(page, document(phase))
        page.goto(ui.url(RETURN))
        expect(page.locator(f"[data-phase={phase}]")).to_be_visible()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert page.evaluate(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
            assert findings(page, ".smi-bridge-dialog") == [], scheme


def test_a_finished_picture_can_be_downloaded(ui: Ui):
    with ui.visitor() as page:
        StatusDoor(page, document("ready"))
        page.goto(ui.url(RETURN))
        dialog = page.get_by_role("dialog", name="Your picture is ready")
        button = dialog.get_by_role("link", name="Download")
        expect(button).to_have_attribute("href", "/smi/download/a-token")
        for words in ("8,000 × 6,000 pixels", "JPEG, 31.4 MB", "Available until"):
            expect(dialog.get_by_text(words)).to_be_visible()
        expect(dialog.get_by_role("progressbar")).to_be_hidden()


def test_progress_becomes_the_picture_without_reload_and_is_read_out(ui: Ui):
    with ui.visitor() as page:
        door = StatusDoor(page, document("checking"))
        page.goto(ui.url(RETURN))
        expect(page.get_by_role("dialog", name="We are checking your picture")).to_be_visible()
        door.document = document("ready")
        expect(page.get_by_role("link", name="Download")).to_be_visible()
        expect(page.locator(".smi-bridge-dialog [role=status]")).to_have_text(re.compile("Your picture is ready"))


def test_progress_never_goes_back(ui: Ui):
    with ui.visitor() as page:
        door = StatusDoor(page, document("enlarging", share=0.6, expected_s=30))
        page.goto(ui.url(RETURN))
        bar = page.get_by_role("progressbar")
        expect(bar).to_have_attribute("aria-valuenow", re.compile("^[6-9]"))  # it climbs by itself
        asked = len(door.asked)
        door.document = document("enlarging", share=0.4, expected_s=60)
        _until(page, lambda: len(door.asked) > asked + 1)
        assert int(bar.get_attribute("aria-valuenow") or 0) >= 60


def test_the_link_that_dies_while_the_page_is_open_is_taken_away(ui: Ui):
    from tests.ui.documents import after

    with ui.visitor() as page:
        door = StatusDoor(page, document("enlarging"))
        page.goto(ui.url(RETURN))
        expect(page.get_by_role("progressbar")).to_be_visible()
        page.clock.install()  # only now: WordPress' own scripts look at the loading's times
        door.document = document("ready", expires_at=after(3600))
        expect(page.get_by_role("link", name="Download")).to_be_visible()
        page.clock.fast_forward(3_601_000)
        expect(page.get_by_role("dialog", name="The download link has ended")).to_be_visible()
        expect(page.get_by_role("link", name="Download")).to_be_hidden()


def test_a_hostile_link_is_not_offered(ui: Ui):
    with ui.visitor() as page:
        StatusDoor(page, document("ready", download_url="javascript:alert(1)", format="<img src=x onerror=alert(2)>"))
        page.goto(ui.url(RETURN))
        expect(page.get_by_role("dialog")).to_be_visible()
        assert page.locator(".smi-bridge-dialog a.button").get_attribute("href") is None
        assert page.locator(".smi-bridge-dialog img").count() == 0


def test_a_payment_that_has_not_arrived_yet_is_waited_for(ui: Ui):
    with ui.visitor() as page:
        door = StatusDoor(page, None)
        page.goto(ui.url(RETURN))
        expect(page.get_by_role("dialog", name="Confirming your payment")).to_be_visible()
        door.document = document("queued")
        expect(page.get_by_role("dialog", name="Thank you! Your picture is waiting to start")).to_be_visible()


def test_a_broken_connection_is_said_and_passes_by_itself(ui: Ui):
    with ui.visitor() as page:
        door = StatusDoor(page, document("enlarging"))
        page.goto(ui.url(RETURN))
        dialog = page.get_by_role("dialog", name="Your picture is being enlarged")
        expect(dialog).to_be_visible()  # it has heard the first answer
        door.status = 502
        warning = page.get_by_text("The connection is interrupted")
        expect(warning).to_be_visible()
        expect(dialog).to_be_visible()
        door.status = 200
        page.evaluate("window.dispatchEvent(new Event('online'))")
        expect(warning).to_be_hidden()


def test_an_unchanged_document_costs_no_body(ui: Ui):
    with ui.visitor() as page:
        door = StatusDoor(page, document("enlarging"))
        door.etag = '"one"'
        page.goto(ui.url(RETURN))
        _until(page, lambda: len(door.asked) >= 3)
        assert door.asked[-1].get("if-none-match") == '"one"'
        expect(page.get_by_role("dialog", name="Your picture is being enlarged")).to_be_visible()


def test_a_hidden_tab_asks_nothing(ui: Ui):
    with ui.visitor() as page:
        door = StatusDoor(page, document("enlarging"))
        page.goto(ui.url(RETURN))
        expect(page.get_by_role("progressbar")).to_be_visible()
        page.clock.install()  # only now: WordPress' own scripts look at the loading's times
        _until(page, lambda: len(door.asked) >= 3)
        _visibility(page, "hidden")
        asked = len(door.asked)
        page.clock.run_for(60_000)
        assert len(door.asked) <= asked + 1, "only the question that was under way"
        asked = len(door.asked)
        _visibility(page, "visible")
        _until(page, lambda: len(door.asked) > asked)


def test_the_sidecar_is_asked_first_and_wordpress_when_it_is_away(ui: Ui):
    ui.shop.option("smi_bridge_public_url", ui.url("/smi"))
    try:
        with ui.visitor() as page:
            direct: list[str] = []

            def away(route: Route) -> None:
                direct.append(route.request.url)
                route.fulfill(status=503, body="<h1>away</h1>")

            page.route("**/smi/status/*", away)
            door = StatusDoor(page, document("enlarging"))
            page.goto(ui.url(RETURN))
            expect(page.get_by_role("dialog", name="Your picture is being enlarged")).to_be_visible()
            _until(page, lambda: len(door.asked) >= 2)
            assert len(direct) == 1, "a sidecar that is away is left alone for a while"
    finally:
        ui.shop.option("smi_bridge_public_url", "")


def test_closing_leaves_a_pill_that_brings_it_back_on_any_page(ui: Ui):
    with ui.visitor() as page:
        door = StatusDoor(page, document("enlarging"))
        page.goto(ui.url(RETURN))
        page.get_by_role("dialog").get_by_role("button", name="Close").click()
        pill = page.get_by_role("button", name=re.compile(r"Your picture: (3|4)\d%"))
        expect(pill).to_be_focused()
        page.goto(ui.url("/?page_id=2"))
        expect(pill).to_be_visible()
        assert findings(page, ".smi-bridge-pills") == []
        door.document = document("ready")
        pill.click()
        expect(page.get_by_role("dialog", name="Your picture is ready")).to_be_visible()


def test_a_reload_opens_the_window_again(ui: Ui):
    with ui.visitor() as page:
        StatusDoor(page, document("enlarging"))
        page.goto(ui.url(RETURN))
        expect(page.get_by_role("dialog")).to_be_visible()
        page.reload()
        expect(page.get_by_role("dialog", name="Your picture is being enlarged")).to_be_visible()


def test_the_pill_can_be_sent_away_for_good(ui: Ui):
    with ui.visitor() as page:
        StatusDoor(page, document("enlarging"))
        page.goto(ui.url(RETURN))
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Don’t show this any more").click()
        page.goto(ui.url("/"))
        page.wait_for_load_state("networkidle")
        assert page.locator(".smi-bridge-pills").count() == 0
        assert page.evaluate("localStorage.getItem('smi-bridge')") is None


def test_after_the_download_nothing_stays_behind(ui: Ui):
    with ui.visitor() as page:
        StatusDoor(page, document("ready"))
        page.route("**/smi/download/*", lambda route: route.fulfill(body="x", content_type="image/jpeg"))
        page.goto(ui.url(RETURN))
        with page.expect_download():
            page.get_by_role("link", name="Download").click()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        assert page.locator(".smi-bridge-pills button").count() == 0


def test_a_cancelled_payment_is_said_shortly(ui: Ui):
    back = f"smi_payment=cancelled&job_id={JOB}"
    for query in (f"?{back}", f"?utm_source=mail?{back}", f"?smi_job_id={JOB}&smi_status=cancel"):
        with ui.visitor() as page:
            door = StatusDoor(page, document("queued"))
            page.goto(ui.url("/" + query))
            expect(page.get_by_text("You have not been charged")).to_be_visible()
            assert page.get_by_role("dialog").count() == 0
            assert findings(page, ".smi-bridge-notice") == []
            page.get_by_role("button", name="Close").click()
            expect(page.get_by_text("You have not been charged")).to_be_hidden()
            assert door.asked == []


def test_the_keyboard_reaches_everything_and_stays_inside(ui: Ui):
    with ui.visitor() as page:
        StatusDoor(page, document("ready"))
        page.goto(ui.url(RETURN))
        expect(page.get_by_role("heading", name="Your picture is ready")).to_be_focused()
        reached = set()
        for _ in range(8):
            page.keyboard.press("Tab")
            reached.add(
                page.evaluate(
                    "(() => { const e = document.activeElement; return e.shadowRoot"
                    " ? (e.shadowRoot.activeElement || {}).className || 'link' : e.tagName; })()"
                )
            )
        assert {"button", "close"} <= reached
        assert reached <= {"button", "close", "link", "BODY"}
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_shops_own_modal_gives_way(ui: Ui):
    """1.7's modal opens itself on `smi_job_id`, also after ours: it is closed by its own button."""
    remove = ui.mu_plugin(
        "theirs",
        "add_action('wp_footer', function () { ?>"
        "<div id='smi-modal' class='smi-modal smi-hidden'><button class='smi-modal-close'>x</button>Theirs</div>"
        "<style>#smi-modal{position:fixed;inset:0;z-index:999999;background:#fff}.smi-hidden{display:none}</style>"
        "<script>window.timesClosed=0;document.querySelector('.smi-modal-close').onclick=()=>{window.timesClosed++;"
        "document.getElementById('smi-modal').classList.add('smi-hidden')};"
        "window.openTheirs=()=>document.getElementById('smi-modal').classList.remove('smi-hidden');"
        "document.addEventListener('DOMContentLoaded',openTheirs)</script><?php });",
    )
    try:
        with ui.visitor() as page:
            StatusDoor(page, document("enlarging"))
            page.goto(ui.url(f"/?smi_job_id={JOB}&smi_status=success"))
            expect(page.get_by_role("dialog")).to_be_visible()
            expect(page.locator("#smi-modal")).to_be_hidden()
            page.evaluate("window.openTheirs()")
            expect(page.locator("#smi-modal")).to_be_hidden()
            assert page.evaluate("window.timesClosed") >= 2
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_be_hidden()
            page.evaluate("window.openTheirs()")
            expect(page.locator("#smi-modal")).to_be_visible()
    finally:
        remove()


def test_the_view_fits_a_phone_and_reads_from_right_to_left(ui: Ui):
    for phase in ("enlarging", "ready"):
        with ui.visitor(viewport={"width": 320, "height": 568}) as page:
            StatusDoor(page, document(phase))
            page.add_init_script(
                "document.addEventListener('DOMContentLoaded', () => document.documentElement.dir = 'rtl')"
            )
            page.goto(ui.url(RETURN))
            dialog = page.get_by_role("dialog")
            expect(dialog).to_be_visible()
            box = dialog.bounding_box()
            close = dialog.get_by_role("button", name="Close").bounding_box()
            assert box and close
            assert box["x"] >= 0 and box["x"] + box["width"] <= 320
            assert close["x"] < box["x"] + 40, "the close button stands at the left"
            assert dialog.evaluate("e => e.scrollWidth <= e.clientWidth")


@pytest.mark.parametrize(
    ("wish", "dot", "bar"), [("no-preference", "turn", "1s"), ("reduce", "none", "0s")], ids=["moving", "still"]
)
def test_what_moves_stands_still_for_whoever_wishes_it(ui: Ui, wish: str, dot: str, bar: str):
    with ui.visitor(reduced_motion=wish) as page:
        StatusDoor(page, document("enlarging"))
        page.goto(ui.url(RETURN))
        expect(page.get_by_role("dialog")).to_be_visible()
        assert page.locator(".now .dot").evaluate("e => getComputedStyle(e).animationName") == dot
        assert page.locator(".fill").evaluate("e => getComputedStyle(e).transitionDuration") == bar


def test_a_hostile_theme_can_not_disfigure_it(ui: Ui):
    remove = ui.mu_plugin(
        "theme",
        "add_action('wp_head', function () { echo '<style>*{font-size:40px!important;color:red!important;"
        "display:block!important}dialog,button,a,p{position:fixed!important;top:-900px!important}</style>'; });",
    )
    try:
        with ui.visitor() as page:
            StatusDoor(page, document("ready"))
            page.goto(ui.url(RETURN))
            button = page.get_by_role("link", name="Download")
            expect(button).to_be_in_viewport()
            assert button.evaluate("e => getComputedStyle(e).fontSize") == "17px"
    finally:
        remove()


def test_an_ordinary_page_asks_for_nothing_of_ours(ui: Ui):
    with ui.visitor() as page:
        ours: list[str] = []
        page.on("request", lambda request: ours.append(request.url) if "smi-bridge" in request.url else None)
        page.goto(ui.url("/"))
        page.wait_for_load_state("networkidle")
        assert ours == []
        assert len(page.locator("#smi-bridge-starter").text_content() or "") < 1600


def test_a_page_cache_that_ignores_the_query_does_no_harm(ui: Ui):
    """The page that was cached for everybody is served on return from payment: the script fetches its words itself."""
    cached = ui.shop.http.get(ui.url("/"), timeout=30).text
    with ui.visitor() as page:
        StatusDoor(page, document("ready"))
        page.route(
            lambda url: "smi_payment=success" in url, lambda route: route.fulfill(body=cached, content_type="text/html")
        )
        page.goto(ui.url(RETURN))
        expect(page.get_by_role("dialog", name="Your picture is ready")).to_be_visible()


def test_the_pictures_title_and_thumbnail_are_shown(ui: Ui, photo_id: int):
    job = ui.bought("delivered", attachment_id=photo_id)
    with ui.visitor() as page:
        page.goto(ui.url(f"/?smi_payment=success&job_id={job}"))
        dialog = page.get_by_role("dialog", name="Your picture is ready")
        expect(dialog.get_by_text("Harbour at dawn")).to_be_visible()
        assert dialog.locator("img.thumb").evaluate("e => e.complete && e.naturalWidth > 0")
        expect(dialog.get_by_text("4,000 × 3,000 pixels")).to_be_visible()


def test_the_status_page_by_link_is_private_and_complete(ui_everywhere: Ui):
    job = ui_everywhere.bought("delivered")
    address = status_page(ui_everywhere.shop, job)
    answer = ui_everywhere.shop.http.get(address, timeout=30)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert f"token-{job}" in answer.text, "the download link is there without script, too"
    with ui_everywhere.visitor() as page:
        page.goto(address)
        expect(page.get_by_role("heading", level=1, name="Your picture is ready")).to_be_visible()
        expect(page.get_by_role("link", name="Download")).to_have_attribute("href", re.compile(f"token-{job}$"))
        assert page.get_by_role("dialog").count() == 0
        assert findings(page, "html") == []


def test_the_status_page_without_the_secret_says_where_the_link_is(ui: Ui):
    job = ui.bought("delivered")
    with ui.visitor() as page:
        page.goto(ui.url(f"/?smi_status_page={job}"))
        expect(page.get_by_role("heading", level=1, name="Your picture is ready")).to_be_visible()
        expect(page.locator("p.note")).to_contain_text("use the link in the mail")
        expect(page.get_by_role("link", name="Download")).to_be_hidden()
        assert f"token-{job}" not in page.content()
        assert findings(page, "html") == []


def test_the_payer_has_the_link_and_this_browser_remembers_that_he_may(ui: Ui):
    job = ui.bought("delivered", stripe_checkout_session_id="cs_test_0123456789abcdef")
    with ui.visitor() as page:
        page.goto(ui.url(f"/?smi_payment=success&session_id=cs_test_0123456789abcdef&job_id={job}"))
        link = page.get_by_role("dialog", name="Your picture is ready").get_by_role("link", name="Download")
        expect(link).to_have_attribute("href", re.compile(f"token-{job}$"))
        assert "cs_test" not in page.url
        page.get_by_role("dialog").get_by_role("button", name="Close").click()
        page.goto(ui.url("/"))
        page.get_by_role("button", name="Your picture is ready").click()
        expect(link).to_have_attribute("href", re.compile(f"token-{job}$"))


@pytest.mark.parametrize("job", ["nobody-knows-it", "../../wp-config", "<script>alert(1)</script>", "x" * 300])
def test_an_unknown_or_hostile_job_gets_a_calm_page_not_found(ui: Ui, job: str):
    answer = ui.shop.http.get(ui.url("/"), params={"smi_status_page": job}, timeout=30)
    assert answer.status_code == 404
    assert "We can’t find this order" in answer.text
    assert "<script>alert" not in answer.text and "wp-config" not in answer.text


@pytest.mark.parametrize("job", ["'><img src=x>", "a b", ""])
def test_the_return_address_prints_nothing_that_it_was_given(ui: Ui, job: str):
    answer = ui.shop.http.get(ui.url("/"), params={"smi_payment": "success", "job_id": job}, timeout=30)
    assert answer.status_code == 200
    assert "<img src=x" not in answer.text
    assert "smi-bridge-words" not in answer.text


def test_the_shortcode_shows_the_view_in_a_page_and_follows_its_light(ui: Ui):
    job = ui.bought("submitted")
    page_id = ui.shop.php_json(
        "return wp_insert_post(['post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Status',"
        f" 'post_content' => '[smi_status job_id=\"{job}\"]']);"
    )
    with ui.visitor(color_scheme="dark") as page:
        page.goto(ui.url(f"/?page_id={page_id}"))
        expect(page.get_by_role("heading", level=2, name="Your picture is being enlarged")).to_be_visible()
        # The device is dark, the theme is not: a dark card on a white page would look broken.
        expect(page.locator(".smi-bridge-status .smib")).to_have_attribute("data-scheme", "light")
        assert findings(page, ".smi-bridge-status", except_rules=("heading-order",)) == []


def test_the_block_shows_the_same_view_and_can_be_inserted(ui_everywhere: Ui):
    ui = ui_everywhere
    job = ui.bought("refunded")
    page_id = ui.shop.php_json(
        "return wp_insert_post(['post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Block',"
        f" 'post_content' => '<!-- wp:smi-bridge/status {{\"jobId\":\"{job}\"}} /-->']);"
    )
    with ui.visitor() as page:
        page.goto(ui.url(f"/?page_id={page_id}"))
        expect(page.get_by_role("heading", name="We have sent your money back")).to_be_visible()
    with ui.admin() as page:
        page.goto(ui.url(f"/wp-admin/post.php?post={page_id}&action=edit"))
        page.wait_for_function("window.wp?.data?.select('core/block-editor')?.getBlocks().length === 1")
        block = "window.wp.data.select('core/block-editor').getBlocks()[0]"
        assert page.evaluate(f"({{ name: {block}.name, valid: {block}.isValid, job: {block}.attributes.jobId }})") == {
            "name": "smi-bridge/status",
            "valid": True,
            "job": job,
        }
        words = "Here customers see where their picture stands"
        page.wait_for_function(
            "words => [document, document.querySelector('iframe[name=editor-canvas]')?.contentDocument]"
            ".some(place => place?.body?.innerText.includes(words))",
            arg=words,
        )


def test_the_words_route_answers_in_the_pages_language_and_refuses_nonsense(ui: Ui):
    url = ui.url("/wp-json/smi-bridge/v1/view")
    assert ui.shop.http.get(url, timeout=30).json()["text"]["download"] == "Download"
    assert ui.shop.http.get(url, params={"job": "a/b"}, timeout=30).status_code == 400
    assert ui.shop.http.get(url, params={"job[]": "a"}, timeout=30).status_code == 400
    assert ui.shop.http.get(url, params={"locale": "../../etc"}, timeout=30).status_code == 400


def _until(page: Any, there: Callable[[], bool], timeout: float = PATIENCE_MS / 1000) -> None:
    import time

    deadline = time.monotonic() + timeout
    while not there():
        assert time.monotonic() < deadline, "it did not happen in time"
        page.wait_for_timeout(50)


def _visibility(page: Any, state: str) -> None:
    page.evaluate(
        "state => { Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        state,
    )
