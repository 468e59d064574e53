"""Every page, mail and state as PNG in build/screenshots/, and a contact sheet of them: `make screenshots`.

python -m tests.screenshots              # everything
python -m tests.screenshots mails jobs   # what has one of these words in its name
python -m tests.screenshots --locale de_DE   # in German, in build/screenshots/de_DE/; WordPress' own words stay English
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from PIL import Image, ImageDraw

from sidecar.core.advice import advice
from sidecar.core.packaged import PACKAGE
from sidecar.core.states import STATES
from sidecar.web import sorry
from tests.bridge.conftest import BRIDGE
from tests.testbed.browser import Browser, screenshot
from tests.testbed.customer import status_page
from tests.testbed.places import REPOSITORY
from tests.testbed.shop import DEMO_SHOP, Shop
from tests.testbed.wordpress import NEWEST
from tests.ui.conftest import Ui, speaking, start_ui
from tests.ui.documents import PHASES, after, document
from tests.ui.sample_shop import fill_with_samples

FOLDER = REPOSITORY / "build" / "screenshots"
PHONE = {"viewport": {"width": 375, "height": 812}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"},
    "phone": PHONE | {"color_scheme": "light"},
    "phone-dark": PHONE | {"color_scheme": "dark"},
}
HISTORY = "\n".join(
    f"17:02:{second}  {words}"
    for second, words in (
        (11, "A test picture sets out"),
        (12, "Accepted by Upsampler"),
        (14, "Enlarged by Upsampler"),
        (14, "Delivered"),
    )
)
# The first-run page: how many steps are done, what is in the way of the next one, how the test stands.
FIRST_RUN: dict[str, tuple[int, dict[str, str] | None, dict[str, Any] | None]] = {
    "begun": (1, vars(advice("bridge_not_connected")), None),
    "silent": (1, vars(advice("sidecar_silent", url="http://127.0.0.1:8321")), None),
    "not-seen": (1, vars(advice("sidecar_not_seen")), None),
    "open": (2, vars(advice("folder_open", url="https://shop.example/wp-content/uploads/smi-downloads")), None),
    "ready": (3, None, None),
    "running": (3, None, {"running": True, "said": "Under way …", "history": HISTORY.rpartition("\n")[0]}),
    "failed": (
        3,
        None,
        {
            "running": False,
            "said": "It did not arrive: Upsampler could not enlarge the picture. What was left of it is cleaned up.",
            "history": HISTORY.rpartition("\n")[0],
        },
    ),
    "delivered": (4, None, {"running": False, "said": "Delivered, and cleaned up.", "history": HISTORY}),
}
MAILS = ("delivered", "reminder", "delayed", "review", "refunded", "refunded_by_person", "message", "admin")
ADMIN_PAGES = {
    "dashboard": "admin.php?page=smi-bridge",
    "jobs": "admin.php?page=smi-bridge-jobs",
    "jobs-review": "admin.php?page=smi-bridge-jobs&view=review",
    "history-delivered": "admin.php?page=smi-bridge-jobs&job={delivered}",
    "history-review": "admin.php?page=smi-bridge-jobs&job={review}",
    "settings": "admin.php?page=smi-bridge-settings",
    "site-health": "site-health.php",
    "site-health-facts": "site-health.php?tab=debug",
    "privacy-guide": "options-privacy.php?tab=policyguide",
    "wordpress-dashboard": "index.php",
    "shops-own-jobs": "admin.php?page=sell-my-images-jobs",
}
FIRST_DAY = ("dashboard", "jobs")
SORRY = ("token_expired", "token_invalid", "file_at_the_shop", "temporarily_unavailable")
RIGHT_TO_LEFT = ("enlarging", "ready")
# What there is to ask for.
NAMES = (
    *(f"view-{phase}" for phase in PHASES),
    *(f"view-{phase}-rtl" for phase in RIGHT_TO_LEFT),
    *("view-pill", "view-cancelled", "status-page", "status-page-without-secret"),
    *(f"mail-{kind}" for kind in MAILS),
    *(f"admin-first-day-{name}" for name in FIRST_DAY),
    *(f"admin-{name}" for name in (*ADMIN_PAGES, "trouble", "pulled", "copy", "unconnected")),
    *(f"admin-job-{state}" for state in STATES),
    *(f"sorry-{code}" for code in ("shop", *SORRY)),
    *(f"first-run-{state}" for state in FIRST_RUN),
)


@dataclass
class Studio:
    """Takes pictures of one furnished shop."""

    ui: Ui
    jobs: dict[str, str]
    words: list[str]
    folder: Path = FOLDER
    language: str = "en"
    taken: list[Path] = field(default_factory=list)

    @contextmanager
    def sitting(self, name: str, look: str, admin: bool = False, full_page: bool = False) -> Iterator[Any]:
        """A page to arrange; it is photographed at the end. Nothing happens for a name that nobody asked for."""
        who = self.ui.admin if admin else self.ui.visitor
        with who(**LOOKS[look]) as page:
            yield page
            path = self.folder / f"{name}-{look}.png"
            screenshot(page, path, full_page=full_page)
            self.taken.append(path)
            print(path.relative_to(REPOSITORY), flush=True)

    def wants(self, name: str) -> bool:
        assert name in NAMES, name
        return not self.words or any(word in name for word in self.words)

    def views(self) -> None:
        """The customer's view in each phase, as a window, and the rest of it."""
        job = next(self.jobs[state] for state in ("paid", "submitted", "enlarged") if state in self.jobs)
        for phase in PHASES:
            for look in LOOKS:
                if self.wants(f"view-{phase}"):
                    with self.sitting(f"view-{phase}", look) as page:
                        self._come_back(page, phase, job)
        self.right_to_left(job)
        for look in LOOKS:
            if self.wants("view-pill"):
                with self.sitting("view-pill", look) as page:
                    self._come_back(page, "enlarging", job)
                    page.locator(".smi-bridge-dialog .close").click()
            if self.wants("view-cancelled"):
                with self.sitting("view-cancelled", look) as page:
                    page.goto(self.ui.url("/?smi_payment=cancelled&job_id=x"))
                    page.locator(".toast").wait_for()
            if self.wants("status-page"):
                with self.sitting("status-page", look) as page:
                    self._answer(page, "ready")
                    page.goto(status_page(self.ui.shop, self.jobs["delivered"]))
                    page.get_by_role("heading", level=1).wait_for()
                    page.evaluate("document.activeElement.blur()")

            if self.wants("status-page-without-secret"):
                with self.sitting("status-page-without-secret", look) as page:
                    self._answer(page, "ready", download_url=None)
                    page.goto(self.ui.url(f"/?smi_status_page={self.jobs['delivered']}"))
                    page.get_by_role("heading", level=1).wait_for()
                    page.evaluate("document.activeElement.blur()")

    def right_to_left(self, job: str) -> None:
        """The window and the page as they stand in Arabic and Hebrew; the words stay English."""
        turn = "document.addEventListener('readystatechange', () => { document.documentElement.dir = 'rtl' })"
        for phase in RIGHT_TO_LEFT:
            if self.wants(f"view-{phase}-rtl"):
                with self.sitting(f"view-{phase}-rtl", "phone") as page:
                    page.add_init_script(turn)
                    self._come_back(page, phase, job)

    def mails(self) -> None:
        for kind in MAILS:
            if not self.wants(f"mail-{kind}"):
                continue
            facts = f"['reason' => '{kind}']" if kind.endswith("_by_person") else "[]"
            subject, text, html = self.ui.shop.php_json(
                f"$facts = {facts} + SmiBridge\\Admin\\Mail_Preview::facts('{kind}');"
                f"$mail = SmiBridge\\Mail\\Mail::compose('{kind.removesuffix('_by_person')}', $facts);"
                "return [$mail->subject, $mail->text(), $mail->html()];"
            )
            (self.folder / f"mail-{kind}.txt").write_text(f"{subject}\n\n{text}")
            for look, width in (("light", 760), ("dark", 760), ("phone", 320)):
                with self.ui.browser.page(**LOOKS[look] | {"viewport": {"width": width, "height": 600}}) as page:
                    page.set_content(html)
                    self.taken.append(screenshot(page, self.folder / f"mail-{kind}-{look}.png"))

    def first_day(self) -> None:
        """A shop that has sold nothing yet."""
        for name in FIRST_DAY:
            for look in ("light", "phone"):
                if self.wants(f"admin-first-day-{name}"):
                    with self.sitting(f"admin-first-day-{name}", look, admin=True, full_page=True) as page:
                        page.goto(self.ui.url("/wp-admin/" + ADMIN_PAGES[name]), wait_until="networkidle")

    def admin(self) -> None:
        for name, path in ADMIN_PAGES.items():
            for look in ("light", "phone"):
                if self.wants(f"admin-{name}"):
                    with self.sitting(f"admin-{name}", look, admin=True, full_page=True) as page:
                        page.goto(self.ui.url("/wp-admin/" + path.format(**self.jobs)))
                        if name == "site-health":
                            page.locator("[id*=smi_bridge_leak]").first.wait_for(state="attached", timeout=90_000)
                            page.locator(".site-health-view-passed").click()
                            page.locator("button[aria-controls*=smi_bridge_leak]").click()
                        if name == "site-health-facts":
                            page.locator("button[aria-controls=health-check-accordion-block-smi-bridge]").click()
                        if name == "settings":
                            page.locator("#smib-test").click()
                            page.locator(".smib-findings").wait_for()
                        page.evaluate("scrollTo(0, 0)")  # What sticks to the top would stand in the middle.

    def trouble(self) -> None:
        """A stage on hold and no worker alive, as the dashboard tells it."""
        if not self.wants("admin-trouble"):
            return
        hold = {"reason": "upsampler_credits_exhausted", "detail": "HTTP 402", "since": after(-600)}
        usual = dict(self.ui.sidecar.status)
        self.ui.sidecar.status |= {"workers": 0, "held": {"submit": hold}}
        self.ui.door.send("admin.notice", {"kind": "hold", "stage": "submit"} | hold)
        self.ui.shop.php("delete_option('smi_bridge_sidecar_health');")
        for look in ("light", "phone"):
            with self.sitting("admin-trouble", look, admin=True, full_page=True) as page:
                page.goto(self.ui.url("/wp-admin/" + ADMIN_PAGES["dashboard"]), wait_until="networkidle")
                page.reload(wait_until="networkidle")  # What the first visit has heard.
        self.ui.sidecar.status |= usual

    def pulled(self) -> None:
        """A sidecar that nobody can reach: the settings while it comes, the dashboard when it no longer does."""
        if not self.wants("admin-pulled"):
            return
        self.ui.shop.option("smi_bridge_sidecar_url", "none")
        self.ui.door.send(
            "mailbox.collect",
            {"sidecar": "pull-1", "status": {**self.ui.sidecar.status, "version": "1.0.0", "workers": 3}},
        )
        for look in ("light", "phone"):
            with self.sitting("admin-pulled-settings", look, admin=True) as page:
                page.goto(self.ui.url("/wp-admin/" + ADMIN_PAGES["settings"]))
                page.locator("#smib-test").click()
                page.locator(".smib-findings").wait_for()
                page.locator("#smib-url").scroll_into_view_if_needed()
        self.ui.shop.php(
            "$last = get_option('smi_bridge_sidecar_health'); $last['at'] -= 600; $last['since'] -= 600;"
            "update_option('smi_bridge_sidecar_health', $last);"
        )
        with self.sitting("admin-pulled-missed", "light", admin=True) as page:
            with page.expect_response("**/admin-ajax.php"):
                page.goto(self.ui.url("/wp-admin/" + ADMIN_PAGES["dashboard"]))
            page.locator(".smib-legend").first.wait_for()
        self.ui.shop.option("smi_bridge_sidecar_url", self.ui.sidecar.url)

    def job_pages(self) -> None:
        """A job's page in each state that a job can be in."""
        for state in STATES:
            if self.wants(f"admin-job-{state}"):
                job = self.jobs.get(state) or self.ui.bought(state)
                for look in ("light", "phone"):
                    with self.sitting(f"admin-job-{state}", look, admin=True, full_page=True) as page:
                        page.goto(self.ui.url(f"/wp-admin/admin.php?page=smi-bridge-jobs&job={job}"))

    def notices(self) -> None:
        """WordPress' own dashboard on a copy of the site, and before the sidecar is connected."""
        for name, option, value in (
            ("copy", "smi_bridge_site_lock", ["https://shop.example"[start::2] for start in (0, 1)]),
            ("unconnected", "smi_bridge_sidecar_url", ""),
        ):
            if self.wants(f"admin-{name}"):
                usual = self.ui.shop.php_json(f"return get_option('{option}');")
                self.ui.shop.option(option, value)
                for look in ("light", "phone"):
                    for path in ("index", "dashboard"):
                        with self.sitting(f"admin-{name}-{path}", look, admin=True) as page:
                            page.goto(self.ui.url("/wp-admin/" + ADMIN_PAGES.get(path, "index.php")))
                self.ui.shop.option(option, usual)

    def sorry(self) -> None:
        """What a customer reads whose download link opens nothing, at WordPress and by the sidecar."""
        at_shop = f"/?smi-bridge=download&job={self.jobs['delivered']}&token=no"
        app = Flask("sidecar", template_folder=str(PACKAGE / "templates"))
        language = {"Accept-Language": self.language}
        for look in LOOKS:
            if self.wants("sorry-shop"):
                with self.sitting("sorry-shop", look) as page:
                    page.goto(self.ui.url(at_shop))
            for code in SORRY:
                if self.wants(f"sorry-{code}"):
                    with self.sitting(f"sorry-{code}", look) as page, app.test_request_context(headers=language):
                        page.set_content(sorry.page(code, 410, self.ui.shop.url).get_data(as_text=True))

    def first_run(self) -> None:
        """The first-run page in each of its states."""
        for state, (done, wrong, test) in FIRST_RUN.items():
            names = ("plugin", "sidecar", "folder", "picture")
            steps = [
                {"name": name, "done": at < done, "advice": wrong if at == done else None}
                for at, name in enumerate(names)
            ]
            answer = {"success": True, "data": {"steps": steps, "test": test, "free": True}}
            for look in ("light", "phone"):
                if self.wants(f"first-run-{state}"):
                    with self.sitting(f"first-run-{state}", look, admin=True, full_page=True) as page:
                        self._answer_ajax(page, answer)
                        page.goto(self.ui.url("/wp-admin/admin.php?page=smi-bridge-first-run"))
                        page.locator("[data-smib-step].done").nth(done - 1).wait_for()

    @staticmethod
    def _answer_ajax(page: Any, answer: dict[str, Any]) -> None:
        page.route("**/admin-ajax.php", lambda route: route.fulfill(json=answer))

    def _come_back(self, page: Any, phase: str, job: str) -> None:
        """The page begins with what the ledger says; it is photographed with what the sidecar has answered."""
        self._answer(page, phase)
        with page.expect_response("**/smi-bridge/v1/status/*"):
            page.goto(self.ui.url(f"/?smi_payment=success&job_id={job}"))
        page.locator(f"[data-phase={phase}] .title").wait_for()

    def _answer(self, page: Any, phase: str, **changes: Any) -> None:
        doc = document(phase, **changes)
        page.route("**/smi-bridge/v1/status/*", lambda route: route.fulfill(json=doc))


def contact_sheet(pictures: list[Path], target: Path, width: int = 320, columns: int = 5) -> Path:
    """All pictures, small, each with its name."""
    cells = []
    for picture in pictures:
        image = Image.open(picture).convert("RGB")
        scale = width / image.width
        small = image.resize((width, min(480, round(image.height * scale))), box=_top(image, scale))
        cell = Image.new("RGB", (width, 510), "white")
        cell.paste(small, (0, 22))
        ImageDraw.Draw(cell).text((4, 5), picture.stem, fill="black")
        cells.append(cell)
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * (width + 12), rows * 522), "#888888")
    for index, cell in enumerate(cells):
        sheet.paste(cell, (index % columns * (width + 12) + 6, index // columns * 522 + 6))
    sheet.save(target)
    return target


def _top(image: Image.Image, scale: float) -> tuple[float, float, float, float]:
    """The upper part of a long page."""
    return (0, 0, image.width, min(image.height, 480 / scale))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="only pictures with one of these words in their names")
    parser.add_argument("--locale", default="", help="de_DE: the site's language")
    parser.add_argument("--wordpress", default=NEWEST, help="6.1, 6.8 or 7.1")
    arguments = parser.parse_args()
    words: list[str] = arguments.words
    if unknown := [word for word in words if not any(word in name for name in NAMES)]:
        parser.error(f"no picture has {' or '.join(unknown)} in its name; there are: {', '.join(NAMES)}")
    target = FOLDER / arguments.locale
    target.mkdir(parents=True, exist_ok=True)
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731
    with tempfile.TemporaryDirectory(prefix="smi-screenshots.") as scratch, Browser() as browser:
        folder = Path(scratch)
        with Shop.start(folder / "shop", arguments.wordpress, [BRIDGE, DEMO_SHOP], progress=say) as shop:
            shop.php("update_option('blogname', 'Blue Door Prints');")
            language = speaking(shop, arguments.locale) if arguments.locale else nullcontext()
            with start_ui(shop, browser) as ui, language:
                studio = Studio(ui, {}, words, target, arguments.locale.split("_")[0] or "en")
                ui.sidecar.status |= {"queues": {}}
                studio.first_day()
                ui.sidecar.status |= {"queues": {"submit": 1, "watch": 0, "collect": 1, "deliver": 0, "settle": 0}}
                say("furnishing the shop")
                shop.php("delete_transient('smi_bridge_stats_24h');")
                studio.jobs = fill_with_samples(ui, folder)
                studio.views()
                studio.mails()
                studio.admin()
                studio.job_pages()
                studio.notices()
                studio.sorry()
                studio.first_run()
                studio.trouble()
                studio.pulled()
    print(contact_sheet(studio.taken, target / "contact-sheet.png").relative_to(REPOSITORY))
    (target / "index.json").write_text(json.dumps([path.name for path in studio.taken], indent=1))


if __name__ == "__main__":
    main()
