"""A network of sites: each with its own ledger, secret and door; and what is left when the plugin is deleted."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.bridge.conftest import BRIDGE, SECRET
from tests.bridge.sidecar_stand_in import ShopDoor
from tests.testbed.shop import DEMO_SHOP, Shop
from tests.testbed.wordpress import NEWEST

TABLES = ["ledger", "effects", "events", "answers"]


def make_network(shop: Shop) -> None:
    """Turn a single site into a network of folders, with the sites /one/ (2) and /two/ (3)."""
    shop.php(
        """
        require_once ABSPATH . 'wp-admin/includes/network.php';
        require_once ABSPATH . 'wp-admin/includes/upgrade.php';
        foreach ($GLOBALS['wpdb']->tables('ms_global') as $table => $name) { $GLOBALS['wpdb']->$table = $name; }
        install_network();
        populate_network(1, '127.0.0.1', 'a@example.org', 'Network', '/', false);
        """
    )
    domain = shop.url.removeprefix("http://")
    config = shop.root / "wp-config.php"
    config.write_text(
        config.read_text().replace(
            "$table_prefix",
            "define('MULTISITE', true); define('SUBDOMAIN_INSTALL', false);"
            f"define('DOMAIN_CURRENT_SITE', '{domain}'); define('PATH_CURRENT_SITE', '/');"
            "define('SITE_ID_CURRENT_SITE', 1); define('BLOG_ID_CURRENT_SITE', 1);\n$table_prefix",
            1,
        )
    )
    shop.sql("UPDATE wp_blogs SET domain = %s", domain)
    shop.sql("UPDATE wp_site SET domain = %s", domain)
    assert [add_site(shop, name) for name in ("one", "two")] == [2, 3]


def add_site(shop: Shop, name: str) -> int:
    domain = shop.url.removeprefix("http://")
    return shop.php_json(f"return wp_insert_site(['domain' => '{domain}', 'path' => '/{name}/', 'title' => '{name}']);")


def on(blog: int, code: str) -> str:
    """Code that runs on a site of the network."""
    return f"switch_to_blog({blog}); {code}"


def plugin(shop: Shop, what: str) -> None:
    shop.php(
        "require_once ABSPATH . 'wp-admin/includes/plugin.php';"
        f"$error = {what}; if (is_wp_error($error)) {{ throw new Exception($error->get_error_message()); }}"
    )


@pytest.fixture(scope="module")
def network(shop_factory: Callable[..., Shop]) -> Iterator[Shop]:
    constants = {"WP_ALLOW_MULTISITE": True}
    with shop_factory(NEWEST, [BRIDGE, DEMO_SHOP], activate=False, constants=constants) as shop:
        make_network(shop)
        plugin(shop, "activate_plugin('smi-bridge/smi-bridge.php', '', true)")
        for blog in (1, 2, 3):
            shop.php(
                on(blog, f"update_option('smi_bridge_secret', '{SECRET}'); SmiBridge\\Core\\Staging_Lock::lock();")
                + "update_option('smi_bridge_sidecar_url', 'http://127.0.0.1:9');"
            )
        yield shop


def rows(shop: Shop, blog: int, table: str = "ledger") -> list[dict[str, Any]]:
    prefix = "wp_" if blog == 1 else f"wp_{blog}_"
    return shop.sql(f"SELECT * FROM {prefix}smi_bridge_{table}")


def tables(shop: Shop) -> set[str]:
    return {next(iter(row.values())) for row in shop.sql("SHOW TABLES LIKE 'wp%%smi\\_bridge\\_%%'")}


def schedule(shop: Shop, blog: int) -> set[str]:
    """Our hooks in the schedule of a site."""
    events = shop.php_json(on(blog, "return array_map('array_keys', array_values(_get_cron_array()));"))
    return {hook for hooks in events for hook in hooks if hook.startswith("smi_bridge_")}


def test_each_site_has_its_own_ledger(network: Shop):
    network.php(on(2, "SmiBridge\\Ledger\\Ledger::open('job-of-two', 1);"))
    network.php(
        on(
            3,
            "SmiBridge\\Ledger\\Ledger::open('job-of-three', 1); SmiBridge\\Ledger\\Effects::claim('job-of-three', 1, 'x');",  # noqa: E501
        )
    )
    assert [[row["job_id"] for row in rows(network, blog)] for blog in (1, 2, 3)] == [
        [],
        ["job-of-two"],
        ["job-of-three"],
    ]
    assert [len(rows(network, blog, "effects")) for blog in (1, 2, 3)] == [0, 0, 1]
    assert "smi_bridge_daily" in schedule(network, 2) & schedule(network, 3)


def test_each_site_has_its_own_door(network: Shop):
    def ask(site: str, audience: str) -> int:
        door = ShopDoor(network.url + site, network.url + audience, SECRET, network.http)
        message = {"id": "m0", "type": "jobs.lookup", "data": {"job_ids": ["job-of-two"]}}
        answer = door.post(*door.seal(door.envelope([message])), path="/?rest_route=/smi-bridge/v1/messages")
        found.append(answer.json().get("results", [{}])[0].get("data", {}).get("jobs"))
        return answer.status_code

    found: list[Any] = []
    assert [ask("/one", "/one"), ask("/two", "/two"), ask("/two", "/one"), ask("", "/one")] == [200, 200, 401, 401]
    assert len(found[0]) == 1 and found[1] == []


def test_a_new_site_gets_its_tables_and_a_deleted_one_loses_them(network: Shop):
    blog = add_site(network, "later")
    assert {f"wp_{blog}_smi_bridge_{table}" for table in TABLES} <= tables(network)
    secret = network.php_json(f"return get_blog_option({blog}, 'smi_bridge_secret');")
    assert secret.startswith("whsec_") and secret != SECRET
    network.php(f"require_once ABSPATH . 'wp-admin/includes/ms.php'; wp_delete_site({blog});")
    assert not any(f"wp_{blog}_" in name for name in tables(network))


def test_deactivating_ends_the_timetable_of_every_site_and_keeps_what_is_written(network: Shop):
    plugin(network, "deactivate_plugins('smi-bridge/smi-bridge.php', false, true)")
    assert [schedule(network, blog) for blog in (1, 2, 3)] == [set()] * 3
    assert [row["job_id"] for row in rows(network, 2)] == ["job-of-two"]
    plugin(network, "activate_plugin('smi-bridge/smi-bridge.php', '', true)")
    assert "smi_bridge_daily" in schedule(network, 3)


def test_deleting_the_plugin_removes_on_each_site_what_its_admin_said_and_nothing_else(network: Shop):
    finished = network.uploads / "smi-downloads" / "2026"
    finished.mkdir(parents=True)
    (finished / "picture.jpg").write_bytes(b"paid")
    network.php(
        on(
            2,
            "update_option('smi_bridge_remove_data', '1'); set_transient('smi_bridge_stats_24h', [1], 999);"
            "update_option('smi_bridges', 'somebody else'); update_option('smi_download_expiry_hours', 48);"
            "set_transient('smi_bridges', 'theirs', 999);"
            "update_user_meta(1, 'smi_bridge_dismissed', ['x' => 1]); update_user_meta(1, 'smi_bridges', 'theirs');",
        )
    )

    def delete() -> None:
        network.php(
            "define('WP_UNINSTALL_PLUGIN', 'smi-bridge/smi-bridge.php');"
            "require WP_PLUGIN_DIR . '/smi-bridge/uninstall.php';"
        )

    def left(table: str) -> list[str]:
        found = network.sql(f"SELECT option_name FROM {table} WHERE option_name LIKE '%%smi\\_%%'")
        return sorted(row["option_name"] for row in found)

    def user_settings() -> list[str]:
        found = network.sql("SELECT meta_key FROM wp_usermeta WHERE meta_key LIKE 'smi%%' ORDER BY meta_key")
        return [row["meta_key"] for row in found]

    delete()
    assert not any("wp_2_" in name for name in tables(network))
    assert [row["job_id"] for row in rows(network, 3)] == ["job-of-three"]
    theirs = ["_transient_smi_bridges", "_transient_timeout_smi_bridges", "smi_bridges", "smi_download_expiry_hours"]
    assert left("wp_2_options") == theirs
    assert "smi_bridge_secret" in left("wp_3_options")
    assert user_settings() == ["smi_bridge_dismissed", "smi_bridges"], "another site of the network still wants it"
    network.php("foreach ([1, 3] as $blog) { update_blog_option($blog, 'smi_bridge_remove_data', '1'); }")
    delete()
    assert tables(network) == set()
    assert [name for name in left("wp_options") + left("wp_3_options") if "smi_bridge_" in name] == []
    assert user_settings() == ["smi_bridges"]
    assert (finished / "picture.jpg").read_bytes() == b"paid"
    assert [line for line in network.complaints("smi-bridge/") if "PHP " in line] == []
