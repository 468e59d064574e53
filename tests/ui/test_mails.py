"""Mails to customers and to the admin, sent by wp_mail() and read out of the mailbox."""

import base64
import re
from typing import Any

import pytest

from tests.ui.conftest import Ui

FACTS = {
    "job_id": "1a2b3c4d-0000-4000-8000-000000000002",
    "attempt": 1,
    "email": "buyer@customer.example",
    "title": "Harbour at dawn",
    "width": 8000,
    "height": 6000,
    "bytes": 31_400_000,
    "format": "jpeg",
    "factor": 4,
    "download_url": "https://shop.example/smi/download/a.long-token_x/harbour-4x.jpg",
    "expires_at": "2026-11-23T15:04:05Z",
    "reason": "source_gone",
    "amount": "4.80",
}


def send(ui: Ui, kind: str, **changes: Any) -> str:
    import json

    facts = json.dumps(FACTS | changes).replace("\\", "\\\\").replace("'", "\\'")
    return ui.shop.php_json(f"return SmiBridge\\Mail\\Mail::send('{kind}', json_decode('{facts}', true));")


@pytest.fixture
def settings(ui: Ui) -> Any:
    """Writes settings of mails; they are gone after the test."""
    yield lambda **values: ui.shop.option("smi_bridge_mail", values)
    ui.shop.php("delete_option('smi_bridge_mail');")


def test_a_delivery_says_what_was_bought_where_it_is_and_until_when(ui_everywhere: Ui):
    assert send(ui_everywhere, "delivered") == "sent"
    mail = ui_everywhere.shop.wait_mail("buyer@customer.example")
    assert mail.subject.startswith("Your enlarged picture is ready")
    for part in (mail.text, mail.html):
        assert FACTS["download_url"] in part
        assert "Harbour at dawn" in part
        assert "8,000 × 6,000 pixels (48 MP)" in part
        assert "JPEG, 31.4 MB" in part
        assert "4×" in part
        # 15:04 UTC in New York, which is the testbed's time zone.
        assert "November 23, 2026, 10:04 am (UTC−05:00)" in part
        assert "1A2B3C4D" in part
        assert ui_everywhere.shop.admin_email in part
    assert mail.message.get_content_type() == "multipart/alternative"
    assert mail.headers["Reply-To"] == ui_everywhere.shop.admin_email
    assert mail.headers["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("kind", ["delivered", "reminder", "delayed", "review", "refunded", "message"])
def test_each_kind_has_subject_heading_and_both_parts(ui: Ui, kind: str):
    assert send(ui, kind, customer_message="A word of our own." if kind == "message" else "") == "sent"
    mail = ui.shop.wait_mail("buyer@customer.example")
    assert len(mail.subject) > 10
    heading = re.search(r"<h1[^>]*>([^<]+)</h1>", mail.html)
    assert heading and len(heading[1]) > 10
    assert "<" not in mail.text
    assert max(len(line) for line in mail.text.splitlines() if "http" not in line) <= 78
    assert "&#039;" not in mail.text and "&amp;" not in mail.text
    assert "button" not in mail.text, "there is none in plain text"


def test_a_refund_tells_reason_and_amount(ui: Ui):
    send(ui, "refunded")
    mail = ui.shop.wait_mail("buyer@customer.example")
    assert "The original picture could no longer be read." in mail.text
    assert "$4.80" in mail.text
    assert "download" not in mail.text.lower()


def test_the_sidecars_words_replace_ours(ui: Ui):
    send(ui, "review", customer_message="Your file needs a second look.\n\nWe write on Monday.")
    mail = ui.shop.wait_mail("buyer@customer.example")
    assert "Your file needs a second look." in mail.text and "We write on Monday." in mail.html


def test_words_that_are_no_utf8_stop_no_mail(ui: Ui):
    text = ui.shop.php_json(
        "return base64_encode(SmiBridge\\Mail\\Mail::compose('message', ['customer_message' => \"Caf\\xe9\"])->text());"
    )
    assert b"Caf\xe9" in base64.b64decode(text)


def test_hostile_facts_stay_text(ui: Ui):
    hostile = "<script>alert(1)</script>\"'>{{x}}\r\nBcc: victim@example.org"
    send(
        ui,
        "message",
        title=hostile,
        customer_message=hostile,
        download_url="javascript:alert(1)",
        status_url="data:text/html,x",
    )
    mail = ui.shop.wait_mail("buyer@customer.example")
    assert "<script" not in mail.html
    assert "javascript:" not in mail.html and "data:text" not in mail.html
    assert "Bcc" not in mail.headers
    assert ui.shop.mails("victim@example.org") == []


def test_a_title_can_not_smuggle_a_header_into_the_subject(ui: Ui):
    remove = ui.mu_plugin(
        "subject",
        'add_filter("smi_bridge_mail_subject", function ($s) { return "Hello\\r\\nBcc: victim@example.org"; });',
    )
    try:
        send(ui, "delivered")
        mail = ui.shop.wait_mail("buyer@customer.example")
        assert mail.subject == "Hello Bcc: victim@example.org"
        assert "Bcc" not in mail.headers
    finally:
        remove()


@pytest.mark.parametrize("address", ["", "nobody", "a@b", "two@example.org, three@example.org"])
def test_without_a_good_address_nothing_is_sent(ui: Ui, address: str):
    assert send(ui, "delivered", email=address) == "no_address"
    assert ui.shop.mails() == []


def test_a_kind_that_is_switched_off_is_not_sent(ui: Ui, settings: Any):
    settings(off=["review"])
    assert send(ui, "review") == "disabled"
    assert send(ui, "delivered") == "sent"


def test_a_refusing_mailer_is_reported_and_its_words_are_kept(ui: Ui):
    answer = ui.shop.php_json(
        "add_action('phpmailer_init', function ($m) { $m->Mailer = 'smtp'; $m->Host = '127.0.0.1'; $m->Port = 9; });"
        "$seen = []; add_action('smi_bridge_mail_sent', function (...$a) use (&$seen) { $seen = $a; }, 10, 4);"
        "$sent = SmiBridge\\Mail\\Mail::send('delivered', ['email' => 'x@customer.example']);"
        "return [$sent, SmiBridge\\Mail\\Mail::$last_error, $seen[2], $seen[3]];"
    )
    assert answer[0] == "failed"
    assert answer[1] != "" and answer[3] == answer[1]
    assert answer[2] is False


def test_the_text_part_does_not_leak_into_the_next_plugins_mail(ui_everywhere: Ui):
    ui_everywhere.shop.php(
        "SmiBridge\\Mail\\Mail::send('delivered', ['email' => 'first@customer.example', 'title' => 'Secret picture']);"
        "wp_mail('second@customer.example', 'Newsletter', '<p>Hello</p>', ['Content-Type: text/html']);"
    )
    second = ui_everywhere.shop.wait_mail("second@customer.example")
    assert "Secret picture" not in second.message.as_string()
    assert second.message.get_content_type() == "text/html"


def test_from_and_support_are_the_shops_choice(ui: Ui, settings: Any):
    settings(from_name='Blue "Door" <x>', from_address="prints@shop.example", support="https://shop.example/help")
    send(ui, "delivered")
    mail = ui.shop.wait_mail("buyer@customer.example")
    assert "prints@shop.example" in mail.headers["From"] and "Blue" in mail.headers["From"]
    assert "Reply-To" not in mail.headers
    assert "https://shop.example/help" in mail.text


def test_a_theme_may_replace_a_template_and_a_filter_the_arguments(ui: Ui):
    theme = ui.shop.root / "wp-content" / "themes" / ui.shop.option("stylesheet") / "smi-bridge" / "emails"
    theme.mkdir(parents=True)
    (theme / "delivered.php").write_text("<p>From the theme: <?php echo esc_html( $mail->heading ); ?></p>")
    remove = ui.mu_plugin(
        "mailargs",
        'add_filter("smi_bridge_mail_args", function ($a) { $a["subject"] = "Filtered"; return $a; });',
    )
    try:
        send(ui, "delivered")
        mail = ui.shop.wait_mail("buyer@customer.example")
        assert "From the theme: Your picture is ready" in mail.html
        assert mail.subject == "Filtered"
    finally:
        remove()
        (theme / "delivered.php").unlink()


def test_the_button_can_be_read_on_any_colour(ui: Ui, settings: Any):
    for accent, ink in (("#ffe08a", "#111111"), ("#0b3d2e", "#ffffff")):
        settings(accent=accent)
        html = ui.shop.php_json(f"return SmiBridge\\Mail\\Mail::compose('delivered', {_php(FACTS)})->html();")
        assert f"background:{accent}" in html
        assert f"color:{ink};text-decoration:none" in html


def test_a_digest_names_each_thing_and_leads_to_it(ui: Ui):
    items = (
        "['items' => [['kind' => 'review', 'job_id' => 'aaaaaaaa-1', 'detail' => 'silent <b>x</b>', 'since' => time()],"
        "['kind' => 'hold', 'detail' => 'credits are used up'], ['kind' => 'refund_due', 'job_id' => 'bbbbbbbb-2']]]"
    )
    assert ui.shop.php_json(f"return SmiBridge\\Mail\\Mail::send('admin', {items});") == "sent"
    mail = ui.shop.wait_mail(ui.shop.admin_email)
    assert "3 things need you" in mail.subject
    for words in ("needs your decision", "Orders are waiting", "A refund is due", "credits are used up"):
        assert words in mail.text
    assert "page=smi-bridge-jobs&job=aaaaaaaa-1" in mail.text
    assert "<b>" not in mail.html
    assert "Since " in mail.text and "Since " in mail.html


def test_a_mail_fits_a_narrow_phone_and_dark_mode_can_be_read(ui: Ui):
    for kind in ("delivered", "refunded"):
        html = ui.shop.php_json(f"return SmiBridge\\Mail\\Mail::compose('{kind}', {_php(FACTS)})->html();")
        with ui.browser.page(viewport={"width": 320, "height": 640}, color_scheme="dark") as page:
            page.set_content(html)
            assert page.evaluate("document.documentElement.scrollWidth") <= 320
            from tests.ui.axe import findings

            assert findings(page, "body", except_rules=("region",)) == []


def _php(value: dict[str, Any]) -> str:
    import json

    return "json_decode('" + json.dumps(value).replace("\\", "\\\\").replace("'", "\\'") + "', true)"
