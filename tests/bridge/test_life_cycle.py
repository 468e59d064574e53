"""Activation, update, network, deactivation, uninstall; and a shop of an older version with fewer columns."""

import re
from collections.abc import Callable, Iterator

import pytest

from sidecar.core.messages import site_identity
from tests.bridge.conftest import BRIDGE, SECRET, Bridge, connect, delivery
from tests.bridge.sidecar_stand_in import ShopDoor, SidecarStandIn
from tests.testbed.places import REPOSITORY
from tests.testbed.shop import DEMO_SHOP, Shop

TABLES = {f"wp_smi_bridge_{name}" for name in ("ledger", "effects", "events", "answers", "mailbox")}


@pytest.fixture(scope="module")
def site(shop_factory: Callable[..., Shop], wordpress_version: str) -> Iterator[Shop]:
    with shop_factory(wordpress_version, [BRIDGE, DEMO_SHOP], activate=False) as shop:
        yield shop


def tables(shop: Shop) -> set[str]:
    return {next(iter(row.values())) for row in shop.sql("SHOW TABLES LIKE 'wp%%smi\\_bridge\\_%%'")}


def options(shop: Shop) -> set[str]:
    return {
        row["option_name"]
        for row in shop.sql("SELECT option_name FROM wp_options WHERE option_name LIKE 'smi\\_bridge%%'")
    }


# A user of the database who may do anything but drop a table.
NO_DROP = (
    "add_filter('query', function ($sql) { $GLOBALS['wpdb']->suppress_errors();"
    " return 0 === strpos($sql, 'DROP TABLE IF EXISTS %s') ? 'not allowed' : $sql; });"
)


def uninstall(shop: Shop, prelude: str = "") -> None:
    shop.php(
        prelude + "define('WP_UNINSTALL_PLUGIN', 'smi-bridge/smi-bridge.php');"
        "require WP_PLUGIN_DIR . '/smi-bridge/uninstall.php';"
    )


def test_activation_makes_tables_and_a_secret(site: Shop) -> None:
    site.activate("smi-bridge")
    assert tables(site) == TABLES
    secret = site.option("smi_bridge_secret")
    assert secret.startswith("whsec_") and len(secret) == 50
    site.deactivate("smi-bridge")
    site.activate("smi-bridge")
    assert site.option("smi_bridge_secret") == secret, "the sidecar knows this one"
    assert site.complaints("wp-bridge-plugin") == []


def test_tables_come_back_after_an_update_without_activation(site: Shop) -> None:
    site.activate("smi-bridge")
    site.sql("DROP TABLE wp_smi_bridge_answers")
    site.sql("UPDATE wp_options SET option_value = '0' WHERE option_name = 'smi_bridge_schema'")
    site.http.get(site.url, timeout=30)
    assert tables(site) == TABLES


def test_tables_that_the_database_refuses_are_missed_told_and_tried_again(site: Shop) -> None:
    """A user of the database who may not change tables: an update must not count as made."""
    site.activate("smi-bridge")
    site.sql("ALTER TABLE wp_smi_bridge_ledger DROP COLUMN stage_since")
    refuse = (
        "add_filter('query', function ($sql) { $GLOBALS['wpdb']->suppress_errors();"
        " return 0 === strpos($sql, 'ALTER TABLE') ? 'not allowed' : $sql; });"
    )
    again = "SmiBridge\\Ledger\\Lifecycle::when_version_changed();"
    problems = (
        "return [SmiBridge\\Ledger\\Tables::missing(), array_column(SmiBridge\\Health\\Problems::all(), 'kind')];"
    )
    connected = "add_filter('pre_option_smi_bridge_sidecar_url', fn() => 'none');"
    missing, kinds = site.php_json(refuse + connected + "update_option('smi_bridge_schema', '4');" + again + problems)
    assert missing == ["wp_smi_bridge_ledger.stage_since"] and "database" in kinds
    site.http.get(site.url, timeout=30)
    assert site.option("smi_bridge_schema").startswith("refused "), "not with each request"
    site.option("smi_bridge_schema", "refused 1000")
    site.http.get(site.url, timeout=30)
    missing, kinds = site.php_json(connected + problems)
    assert missing == [] and "database" not in kinds


def test_running_the_table_definitions_again_changes_nothing(site: Shop) -> None:
    site.activate("smi-bridge")
    changes = site.php_json(
        "require_once ABSPATH . 'wp-admin/includes/upgrade.php';"
        "$tables = new ReflectionMethod('SmiBridge\\Ledger\\Tables', 'definitions'); $tables->setAccessible(true);"
        "return dbDelta($tables->invoke(null));"
    )
    assert changes == []


def test_the_ledger_has_the_columns_of_the_contract(site: Shop) -> None:
    site.activate("smi-bridge")
    page = (REPOSITORY / "docs" / "contract.md").read_text()
    block = page.split("smi_bridge_ledger`", 1)[1].split("```")[1].split("KEY (state")[0]
    block = re.sub(r"\(.*?\)", "", block)
    words = {part.split()[0] for part in re.split(r"[·\n]", block) if part.strip()}
    columns = {row["Field"] for row in site.sql("DESCRIBE wp_smi_bridge_ledger")}
    assert words - {"UNIQUE"} == columns


def test_constants_in_wp_config_win(site: Shop) -> None:
    site.activate("smi-bridge")
    told = site.php_json(
        f"""
        define('SMI_BRIDGE_SIDECAR_URL', 'http://sidecar.internal:8321/');
        define('SMI_BRIDGE_SECRET', '{SECRET}');
        update_option('smi_bridge_sidecar_url', 'http://option.example');
        return [SmiBridge\\Core\\Settings::sidecar_url(), SmiBridge\\Core\\Settings::secret(),
                SmiBridge\\Core\\Settings::is_constant('secret'), SmiBridge\\Core\\Settings::is_configured()];
        """
    )
    assert told == ["http://sidecar.internal:8321", SECRET, True, True]
    site.option("smi_bridge_sidecar_url", "")


@pytest.mark.parametrize(
    ("home", "identity"),
    [
        ("https://Shop.Example/", "https://shop.example"),
        ("HTTP://shop.example:8080", "http://shop.example:8080"),
        ("https://shop.example/My/Blog/", "https://shop.example/My/Blog"),
    ],
)
def test_the_sites_identity_is_the_one_that_the_sidecar_computes(site: Shop, home: str, identity: str) -> None:
    site.activate("smi-bridge")
    told = site.php_json(
        f"add_filter('option_home', function () {{ return '{home}'; }}); return SmiBridge\\Core\\Site::identity();"
    )
    assert told == identity == site_identity(home)


def test_a_copied_site_pauses_itself(site: Shop) -> None:
    site.activate("smi-bridge")
    site.php("SmiBridge\\Core\\Staging_Lock::lock();")
    ask = "return SmiBridge\\Core\\Settings::is_paused();"
    assert site.php_json(ask) is False
    moved = "add_filter('option_home', function () { return 'https://staging.example'; });"
    assert site.php_json(moved + ask) is True
    assert site.php_json(moved + "define('SMI_BRIDGE_STAGING', false);" + ask) is False
    assert site.php_json(moved + "SmiBridge\\Core\\Staging_Lock::lock();" + ask) is False
    site.php("SmiBridge\\Core\\Staging_Lock::lock();")
    lock = site.sql("SELECT option_value FROM wp_options WHERE option_name = 'smi_bridge_site_lock'")[0]["option_value"]
    assert site.url not in lock, "a search-and-replace over the database must miss it"


def test_old_lines_of_the_history_go_and_the_ledger_stays(site: Shop) -> None:
    site.activate("smi-bridge")
    for job_id, state in (("tidy-done", "delivered"), ("tidy-open", "submitted"), ("tidy-review", "review")):
        site.sql(
            "INSERT INTO wp_smi_bridge_ledger (job_id, attempt, state, created_at, updated_at) "
            "VALUES (%s, 1, %s, '2020-01-01', '2020-01-01')",
            *(job_id, state),
        )
        site.sql(
            "INSERT INTO wp_smi_bridge_events (job_id, attempt, at, event) VALUES (%s, 1, '2020-01-01', 'x')", job_id
        )
    for job_id, at in (("-", "2020-01-01"), ("-", "2100-01-01"), ("tidy-open", "2020-01-01")):
        site.sql(
            "INSERT INTO wp_smi_bridge_effects (job_id, attempt, effect, claimed_at) VALUES (%s, 0, %s, %s)",
            *(job_id, f"tidy:{at}", at),
        )
    site.php("SmiBridge\\Ledger\\Tables::tidy();")
    marks = site.sql("SELECT job_id, effect FROM wp_smi_bridge_effects WHERE effect LIKE 'tidy:%%' ORDER BY id")
    assert [tuple(row.values()) for row in marks] == [("-", "tidy:2100-01-01"), ("tidy-open", "tidy:2020-01-01")]
    left = "SELECT job_id FROM wp_smi_bridge_{} WHERE job_id LIKE 'tidy-%' ORDER BY id"
    assert site.sql(left.format("events")) == []
    assert [row["job_id"] for row in site.sql(left.format("ledger"))] == ["tidy-done", "tidy-open", "tidy-review"]
    site.php(
        "add_filter('smi_bridge_keep_ledger_days', function () { return 365; }); SmiBridge\\Ledger\\Tables::tidy();"
    )
    assert [row["job_id"] for row in site.sql(left.format("ledger"))] == ["tidy-open", "tidy-review"]


def test_deactivation_leaves_data_and_no_timetable(site: Shop) -> None:
    site.activate("smi-bridge")
    assert site.php_json("return (bool) wp_next_scheduled('smi_bridge_daily');") is True
    site.deactivate("smi-bridge")
    assert site.php_json("return wp_next_scheduled('smi_bridge_daily');") is False
    assert tables(site) == TABLES


def test_uninstalling_keeps_the_ledger_unless_the_admin_said_otherwise(site: Shop) -> None:
    site.activate("smi-bridge")
    site.deactivate("smi-bridge")
    uninstall(site)
    assert tables(site) == TABLES
    assert "smi_bridge_secret" in options(site)
    site.option("smi_bridge_remove_data", "1")
    uninstall(site)
    assert tables(site) == set()
    assert options(site) == set()


def test_uninstalling_leaves_finished_pictures_and_no_copy_of_what_customers_sent(site: Shop) -> None:
    """Nobody would clean up after them any more."""
    site.activate("smi-bridge")
    site.deactivate("smi-bridge")
    folder = site.uploads / "smi-downloads"
    names = ["2026/11/job_4x.jpg", ".sources/job.1.jpg", ".incoming/job.1.9.ab.part", ".refused/job.1.jpg", "cdn/1.txt"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    uninstall(site)
    assert [name for name in names if (folder / name).exists()] == names[:1]


def test_a_database_that_drops_no_table_does_not_stop_the_deletion(site: Shop) -> None:
    site.activate("smi-bridge")
    site.deactivate("smi-bridge")
    site.option("smi_bridge_remove_data", "1")
    uninstall(site, NO_DROP % "wp_smi_bridge_")
    assert tables(site) == TABLES
    assert options(site) == set()
    assert len(site.complaints("event=not_deleted")) == 1


def test_an_older_shop_with_fewer_columns_is_written_all_the_same(site: Shop) -> None:
    """1.2 has no `source_type` and `upload_file_path`; a shop before refunds had none of those columns either."""
    site.activate("smi-bridge", "smi-demo-shop")
    for column in ("source_type", "upload_file_path", "refund_amount", "refund_reason", "failed_at", "credits_used"):
        site.sql(f"ALTER TABLE wp_smi_jobs DROP COLUMN {column}")
    site.php("delete_option('smi_bridge_shop_columns');")
    with SidecarStandIn(SECRET, site.url) as sidecar:
        connect(site, sidecar)
        bridge = Bridge(site, sidecar, ShopDoor(site.url, site.url, SECRET, site.http))
        site.sql(
            "INSERT INTO wp_smi_jobs (job_id, image_url, resolution, email, post_id, status, payment_status, paid_at) "
            "VALUES ('old-1', 'https://x.example/a.jpg', '2x', '', 0, 'pending', 'paid', NOW()),"
            "('old-2', 'https://x.example/a.jpg', '2x', '', 0, 'pending', 'paid', NOW())"
        )
        bridge.pay("old-1")
        bridge.pay("old-2")
        assert sidecar.wait("job.paid", count=2)[0].data["source"]["type"] == "attachment"
        assert bridge.door.send("job.delivered", delivery("old-1"))["status"] == "done"
        failed = {"job_id": "old-2", "attempt": 1, "reason": "gone", "detail": "", "refund": "yes"}
        assert bridge.door.send("job.failed", failed)["data"] == {"outcome": "review", "refund_due": True}
        assert bridge.row("old-1")["status"] == "completed"
    assert site.complaints("Unknown column") == []


def test_a_network_has_tables_on_each_site(shop_factory: Callable[..., Shop], wordpress_version: str) -> None:
    constants = {"WP_ALLOW_MULTISITE": True}
    with shop_factory(wordpress_version, [BRIDGE], activate=False, constants=constants) as shop:
        shop.php(
            """
            require_once ABSPATH . 'wp-admin/includes/network.php';
            require_once ABSPATH . 'wp-admin/includes/upgrade.php';
            foreach ($GLOBALS['wpdb']->tables('ms_global') as $table => $name) { $GLOBALS['wpdb']->$table = $name; }
            install_network();
            populate_network(1, '127.0.0.1', 'a@example.org', 'Network', '/', false);
            """
        )
        config = shop.root / "wp-config.php"
        port = shop.url.rsplit(":", 1)[1]
        config.write_text(
            config.read_text().replace(
                "$table_prefix",
                "define('MULTISITE', true); define('SUBDOMAIN_INSTALL', false);"
                f"define('DOMAIN_CURRENT_SITE', '127.0.0.1:{port}'); define('PATH_CURRENT_SITE', '/');"
                "define('SITE_ID_CURRENT_SITE', 1); define('BLOG_ID_CURRENT_SITE', 1);\n$table_prefix",
                1,
            )
        )
        shop.sql("UPDATE wp_blogs SET domain = %s", f"127.0.0.1:{port}")
        shop.sql("UPDATE wp_site SET domain = %s", f"127.0.0.1:{port}")
        make = f"return wp_insert_site(['domain' => '127.0.0.1:{port}', 'path' => '/%s/', 'title' => '%s']);"
        assert shop.php_json(make % ("before", "before")) == 2
        shop.php(
            "require_once ABSPATH . 'wp-admin/includes/plugin.php';"
            "$error = activate_plugin('smi-bridge/smi-bridge.php', '', true);"
            "if (is_wp_error($error)) { throw new Exception($error->get_error_message()); }"
        )
        assert shop.php_json(make % ("after", "after")) == 3
        both = TABLES | {name.replace("wp_", f"wp_{blog}_") for blog in (2, 3) for name in TABLES}
        assert tables(shop) == both
        secrets = [shop.php_json(f"return get_blog_option({blog}, 'smi_bridge_secret');") for blog in (1, 2, 3)]
        assert len(set(secrets)) == 3
        shop.php("require_once ABSPATH . 'wp-admin/includes/ms.php'; wp_delete_site(3);")
        assert not any("wp_3_" in name for name in tables(shop))
        shop.php("foreach ([1, 2] as $blog) { update_blog_option($blog, 'smi_bridge_remove_data', '1'); }")
        shop.sql("INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (1, 'smi_bridge_x', '1')")
        uninstall(shop, NO_DROP % "wp_smi_bridge_")
        assert tables(shop) == TABLES, "those of the second site are gone all the same"
        assert shop.sql("SELECT * FROM wp_usermeta WHERE meta_key = 'smi_bridge_x'") == []
        shop.option("smi_bridge_remove_data", "1")
        uninstall(shop)
        assert tables(shop) == set()
        assert shop.complaints("wp-bridge-plugin") == []
