"""The plugin in another language: every string can be translated, German is whole, pages and mails speak it."""

import re
from collections.abc import Iterator

import pytest
from babel.messages.pofile import read_po
from playwright.sync_api import expect

from tests.ui import languages
from tests.ui.axe import findings
from tests.ui.conftest import Ui, speaking
from tests.ui.documents import document
from tests.ui.test_status_view import RETURN, StatusDoor

RENEW = "renew it with: python -m tests.ui.languages"
# What customers read must be whole at all times.
CUSTOMERS = re.compile(r"class-(status|mail|words)|templates/(emails|status)|block|schemas/(mails|reasons|view)")


def test_the_template_holds_every_string():
    with open(languages.TEMPLATE, "rb") as file:
        written = {message.id for message in read_po(file)}
    assert written == {message.id for message in languages.template()}, RENEW


@pytest.mark.parametrize("locale", languages.locales())
def test_a_translation_is_whole_and_compiled(locale: str):
    catalog = languages.translation(locale)
    assert {message.id for message in catalog} >= {message.id for message in languages.template()}, RENEW
    lacking = [m for m in catalog if m.id and languages.missing_one(m)]
    assert [m.id for m in lacking if any(CUSTOMERS.search(file) for file, _ in m.locations)] == []
    assert len(lacking) < 0.05 * len(catalog), [m.id for m in lacking]
    compiled = languages.FOLDER / f"smi-bridge-{locale}.mo"
    assert compiled.read_bytes() == languages.compiled(catalog), RENEW


@pytest.mark.parametrize("locale", languages.locales())
def test_a_translation_keeps_every_placeholder_and_no_markup(locale: str):
    def placeholders(words: str) -> list[str]:
        return sorted(re.findall(r"%(?:\d\$)?[sd]|\{\w+\}", words))

    for message in (m for m in languages.translation(locale) if m.id):
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        for string in filter(None, strings):
            assert placeholders(string) == placeholders(languages.one(message.id)), message.id
            assert "<" not in string


def test_german_addresses_everybody_alike():
    """As "du", in every mail and on every page."""
    formal = re.compile(r"\bIhr(?:e[mnrs]?)?\b|\bIhnen\b|\w+n Sie\b")
    words = [
        string
        for m in languages.translation("de_DE")
        for string in ([m.string] if isinstance(m.string, str) else m.string)
    ]
    assert [string for string in words if formal.search(string)] == []


@pytest.fixture
def german(ui_everywhere: Ui) -> Iterator[Ui]:
    """A German site. WordPress' own words stay English: its translation is not part of the testbed."""
    with speaking(ui_everywhere.shop, "de_DE"):
        yield ui_everywhere


def test_the_customers_view_speaks_the_sites_language(german: Ui):
    with german.visitor() as page:
        StatusDoor(page, document("ready"))
        page.goto(german.url(RETURN))
        dialog = page.get_by_role("dialog", name="Dein Bild ist fertig")
        expect(dialog.get_by_role("link", name="Herunterladen")).to_be_visible()
        expect(dialog.get_by_text("8.000 × 6.000 Pixel")).to_be_visible()
        expect(dialog.get_by_text("JPEG, 31,4 MB")).to_be_visible()
        assert findings(page, ".smi-bridge-dialog") == []


def test_a_pill_on_a_page_of_another_language_fetches_its_words(german: Ui):
    words = german.shop.http.get(german.url("/wp-json/smi-bridge/v1/view?locale=de_DE"), timeout=30).json()["text"]
    assert words["pill_ready"] == "Dein Bild ist fertig"


def test_the_admins_pages_fit_a_phone_in_it(german: Ui):
    """Its words are longer: nothing sticks out of the page."""
    job = german.bought("review", reason="upsampler_silent")
    pages = (
        "smi-bridge",
        "smi-bridge-jobs",
        f"smi-bridge-jobs&job={job}",
        "smi-bridge-settings",
        "smi-bridge-first-run",
    )
    with german.admin(viewport={"width": 375, "height": 812}) as page:
        for name in pages:
            page.goto(german.url(f"/wp-admin/admin.php?page={name}"))
            page.locator(".wrap").wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= 375, name
            wide = "it => it.getBoundingClientRect().right > 375 && !it.closest('pre, .uplot, details')"
            found = page.evaluate(
                f"[...document.querySelectorAll('.smib-panel *')].filter({wide}).map(it => it.outerHTML)"
            )
            assert found == [], name


def test_a_history_is_told_in_it_from_the_payment_on(german: Ui):
    job = german.bought("submitted")
    page = german.shop.admin.get(german.url(f"/wp-admin/admin.php?page=smi-bridge-jobs&job={job}"), timeout=30).text
    history = page[page.index('class="smib-panel smib-history"') :]
    assert "<strong>Bezahlt</strong>" in history and "<strong>Paid</strong>" not in history


def test_mails_and_pages_of_the_admin_speak_it_too(german: Ui):
    german.shop.php("SmiBridge\\Mail\\Mail::send('refunded', ['email' => 'buyer@customer.example', 'amount' => 4.8]);")
    mail = german.shop.wait_mail("buyer@customer.example")
    assert "Dein Geld ist auf dem Rückweg" in mail.html
    assert "Wir haben $4.80 erstattet" in mail.text
    assert 'lang="de-DE"' in mail.html
    german.bought("review", reason="upsampler_silent")
    with german.admin() as page:
        for path, heading in (("smi-bridge-jobs", "Aufträge"), ("smi-bridge-settings", "SMI Bridge: Einstellungen")):
            page.goto(german.url(f"/wp-admin/admin.php?page={path}"))
            expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
        page.locator("[data-smib-show=secret]").click()
        expect(page.locator("[data-smib-show=secret]")).to_have_text("Verbergen")
    assert "called <strong>incorrectly" not in german.shop.debug_log, "words were asked for before their language"
