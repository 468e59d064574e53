"""The shop is a real WordPress: it answers, mails, survives the death of its parts."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pymysql
import pytest
import requests

from tests.testbed.shop import Shop
from tests.testbed.site import PhpError


@pytest.fixture(scope="module")
def shop(shop_factory: Callable[..., Shop], wordpress_version: str) -> Iterator[Shop]:
    with shop_factory(wordpress_version) as shop:
        yield shop


def test_the_site_answers_its_rest_api_under_its_own_address(shop: Shop) -> None:
    answer = shop.http.get(f"{shop.url}/wp-json/", timeout=30)
    assert answer.status_code == 200
    assert answer.json()["url"] == shop.url
    assert shop.wordpress_version.startswith(shop.version)


def test_the_front_page_shows_no_complaint_of_php(shop: Shop) -> None:
    answer = shop.http.get(shop.url, timeout=30)
    assert answer.status_code == 200
    assert "<title>" in answer.text
    assert "Fatal error" not in shop.debug_log


def test_a_mail_arrives_with_its_text_and_its_html(shop: Shop) -> None:
    shop.php(
        "add_action('phpmailer_init', fn($mailer) => $mailer->AltBody = 'Grüße in plain words');"
        "wp_mail('Zoë <zoe@customer.example>', 'Ihr Bild – fertig', '<p>Grüße</p>', ['Content-Type: text/html']);"
    )
    mail = shop.wait_mail("zoe@customer.example")
    assert mail.subject == "Ihr Bild – fertig"
    assert mail.html.strip() == "<p>Grüße</p>"
    assert mail.text.strip() == "Grüße in plain words"
    assert shop.mails("somebody@else.example") == []


def test_what_goes_on_after_its_answer_is_waited_for(shop: Shop) -> None:
    plugin, goes_on, done = (
        shop.root / "wp-content" / "mu-plugins" / "slow.php",
        shop.root / "goes-on",
        shop.root / "done",
    )
    plugin.write_text(
        "<?php if (isset($_GET['slow'])) { fastcgi_finish_request(); for ($n = 0; $n < 3000 && "
        f"!file_exists('{goes_on}'); $n++) {{ usleep(10000); clearstatcache(); }} touch('{done}'); exit; }}"
    )
    try:
        assert shop.http.get(f"{shop.url}/?slow", timeout=30).status_code == 200
        with pytest.raises(TimeoutError, match="PHP works on nothing"):
            shop.wait_still(timeout=0.2)
        goes_on.touch()
        shop.wait_still()
        assert done.exists()
    finally:
        plugin.unlink()


def test_a_mail_that_does_not_come_is_reported(shop: Shop) -> None:
    with pytest.raises(TimeoutError, match="0 of 1 mails to nobody@customer.example"):
        shop.wait_mail("nobody@customer.example", timeout=0.1)


def test_an_option_goes_in_and_out_unharmed(shop: Shop) -> None:
    value = {"quotes": "'\"\\ $x", "list": [1, 2.5, None, True], "ünï": "✓"}
    shop.option("testbed_value", value)
    assert shop.option("testbed_value") == value
    assert shop.option("testbed_never_set") is None


def test_code_that_throws_dies_or_is_no_php_is_reported_with_its_words(shop: Shop) -> None:
    for code, words in [
        ("throw new Exception('out of paper');", "out of paper"),
        ("wp_die('not allowed');", "wp_die: not allowed"),
        ("exit;", "did not come to its end"),
        ("this is no PHP", "syntax error"),
    ]:
        with pytest.raises(PhpError, match=words):
            shop.php(code)


def test_sql_rows_are_dicts_and_arguments_are_quoted(shop: Shop) -> None:
    rows = shop.sql("SELECT option_value FROM wp_options WHERE option_name = %s", "blogname")
    assert rows == [{"option_value": "Testbed"}]
    assert shop.sql("SELECT option_value FROM wp_options WHERE option_name = %s", "' OR 1=1 -- ") == []


def test_the_administrator_is_logged_in_and_nobody_else(shop: Shop) -> None:
    nonce = {"X-WP-Nonce": shop.rest_nonce()}
    me = shop.admin.get(f"{shop.url}/wp-json/wp/v2/users/me?context=edit", headers=nonce, timeout=30)
    assert me.json()["roles"] == ["administrator"]
    assert requests.get(f"{shop.url}/wp-json/wp/v2/users/me", timeout=30).status_code == 401


def test_each_part_can_die_and_come_back_without_the_others(shop: Shop) -> None:
    shop.option("testbed_kept", "through it all")
    shop.mariadb.kill()
    assert shop.http.get(shop.url, timeout=30).status_code == 500
    with pytest.raises(pymysql.err.OperationalError):
        shop.sql("SELECT 1")
    shop.mariadb.start()
    assert shop.option("testbed_kept") == "through it all"

    shop.php_fpm.kill()
    assert shop.http.get(shop.url, timeout=30).status_code == 502
    shop.php_fpm.start()

    shop.nginx.kill()
    with pytest.raises(requests.ConnectionError):
        shop.http.get(shop.url, timeout=30)
    shop.nginx.start()
    assert shop.http.get(shop.url, timeout=30).status_code == 200


def test_wordpress_asks_no_outside_server(shop: Shop) -> None:
    found = shop.php_json(
        "$answer = wp_remote_get('https://api.wordpress.org/plugins/update-check/1.1/');"
        "return [wp_remote_retrieve_response_code($answer), json_decode($answer['body'], true)['plugins']];"
    )
    assert found == [200, []]


def test_nothing_is_left_running_when_a_start_fails(shop_factory: Callable[..., Shop], tmp_path: Path) -> None:
    plugin = tmp_path / "broken"
    plugin.mkdir()
    (plugin / "broken.php").write_text("<?php\n// Plugin Name: Broken\nthrow new Exception('born broken');\n")
    before = _children()
    with pytest.raises(PhpError, match="born broken"):
        shop_factory(plugins=[plugin])
    assert _children() == before


def _children() -> set[str]:
    """Our own child processes that are servers; those of other runs on this machine are not our business."""
    servers = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            head, _, tail = stat.read_text().rpartition(")")
            if int(tail.split()[1]) == os.getpid() and "(sh" not in head:
                servers.add(head)
    return servers
