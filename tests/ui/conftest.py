"""A connected shop for the tests of what people see: pages in a browser, mails in a mailbox, handlers over HTTP."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.bridge.conftest import BRIDGE, SECRET, STILL, Bridge, connect
from tests.bridge.sidecar_stand_in import ShopDoor, SidecarStandIn
from tests.testbed.browser import Browser
from tests.testbed.photos import photo
from tests.testbed.shop import DEMO_SHOP, Shop
from tests.testbed.wordpress import NEWEST
from tests.ui import languages

# Tests that share a shop and a browser: four groups of about the same time, which xdist keeps together.
_TOGETHER = {"test_status_view": 1, "test_settings_page": 2, "test_mails": 2, "test_jobs_list": 3, "test_dashboard": 3}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and "shop_factory" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(f"ui-{_TOGETHER.get(item.path.stem, 4)}"))


class Ui(Bridge):
    """A `Bridge` with a browser's eyes."""

    browser: Browser

    def url(self, path: str) -> str:
        return self.shop.url + path

    @contextmanager
    def visitor(self, **context: Any) -> Iterator[Any]:
        """A page of somebody who is not logged in. A script's error fails the test."""
        with self._watched({}, context) as page:
            yield page

    @contextmanager
    def admin(self, **context: Any) -> Iterator[Any]:
        """A page of the administrator."""
        with self._watched(self.shop.login_cookies(), context) as page:
            yield page

    @contextmanager
    def _watched(self, cookies: dict[str, str], context: dict[str, Any]) -> Iterator[Any]:
        errors: list[str] = []
        with self.browser.page(cookies, self.shop.url, **context) as page:
            page.on("pageerror", lambda error: errors.append(str(error)))
            yield page
        assert errors == []

    def nonce(self, page_path: str, pattern: str) -> str:
        """A nonce out of an admin page's source."""
        found = re.search(pattern, self.shop.admin.get(self.url(page_path), timeout=30).text)
        assert found, f"no {pattern} in {page_path}"
        return found[1]

    def ajax_nonce(self) -> str:
        return self.nonce("/wp-admin/admin.php?page=smi-bridge-settings", r'smiBridgeAdmin=.*?"nonce":"([0-9a-f]+)"')

    def ajax(self, action: str, session: requests.Session | None = None, **fields: str) -> requests.Response:
        """POST to admin-ajax.php, as the administrator with a good nonce unless said otherwise."""
        fields.setdefault("nonce", self.ajax_nonce())
        who = session or self.shop.admin
        return who.post(self.url("/wp-admin/admin-ajax.php"), data={"action": action, **fields}, timeout=30)


@contextmanager
def start_ui(shop: Shop, browser: Browser) -> Iterator[Ui]:
    with SidecarStandIn(SECRET, shop.url) as sidecar:
        connect(shop, sidecar)
        ui = Ui(shop, sidecar, ShopDoor(shop.url, shop.url, SECRET, shop.http))
        ui.browser = browser
        sidecar.status |= {"workers": 2, "scheduler": True, "queues": {"submit": 3}, "held": {}}
        yield ui


@contextmanager
def speaking(shop: Shop, locale: str) -> Iterator[None]:
    """The site's language. WordPress' own words stay English: its translation is not part of the testbed."""
    folder = shop.root / "wp-content" / "languages"
    folder.mkdir(exist_ok=True)
    own = folder / f"{locale}.mo"  # WordPress offers a language only when it has a file of its own.
    own.write_bytes(languages.compiled(languages.Catalog(locale=locale)))
    shop.option("WPLANG", locale)
    yield
    shop.option("WPLANG", "")
    own.unlink()


@pytest.fixture(scope="session")
def connected(shop_factory: Callable[..., Shop], browser: Browser) -> Iterator[Callable[[str], Ui]]:
    """The shop of a WordPress version, started when it is first asked for."""
    with ExitStack() as open_shops:

        @cache
        def of(version: str) -> Ui:
            shop = open_shops.enter_context(shop_factory(version, [BRIDGE, DEMO_SHOP], constants=STILL))
            return open_shops.enter_context(start_ui(shop, browser))

        yield of


@pytest.fixture(scope="session")
def newest_ui(connected: Callable[[str], Ui]) -> Ui:
    return connected(NEWEST)


def _without_faults(ui: Ui) -> Iterator[Ui]:
    ui.sidecar.forget()
    ui.shop.mailbox.clear()
    before = len(ui.shop.debug_log)
    yield ui
    ui.shop.wait_still()
    lines = ui.shop.debug_log[before:].splitlines()
    # WordPress itself complains when it can't reach wordpress.org; anything about our files is a fault of ours.
    ours = [line for line in lines if "PHP " in line and "smi-bridge" in line or "WordPress database error" in line]
    assert ours == []


@pytest.fixture
def ui(newest_ui: Ui) -> Iterator[Ui]:
    """The newest WordPress. The shop's log must name no fault of the plugin when the test is over."""
    yield from _without_faults(newest_ui)


@pytest.fixture
def ui_everywhere(connected: Callable[[str], Ui], wordpress_version: str) -> Iterator[Ui]:
    """The oldest and the newest WordPress."""
    yield from _without_faults(connected(wordpress_version))


@pytest.fixture(scope="session")
def photo_id(newest_ui: Ui, tmp_path_factory: pytest.TempPathFactory) -> int:
    """A picture in the newest WordPress' media library."""
    file: Path = photo(tmp_path_factory.mktemp("photo") / "harbour.jpg", 600, 400)
    return newest_ui.shop.add_photo(file, "Harbour at dawn")
