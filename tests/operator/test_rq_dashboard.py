"""rq-dashboard: off unless asked for, and never without its password."""

import os
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from flask import Flask
from werkzeug.serving import make_server

from sidecar import create_app
from sidecar.core.messages import new_secret
from sidecar.services import Services, load_settings
from tests.fakes.site import KEYS
from tests.testbed.browser import Browser


def app(redis_url: str, **more: str) -> Flask:
    env = {
        "SMI_SHOP_URL": "https://shop.example",
        "SMI_SECRET": new_secret(),
        "SMI_UPLOADS_DIR": "/srv/uploads",
        "UPSAMPLER_API_KEY": "key",
        "REDIS_URL": redis_url,
        **more,
    }
    return create_app(Services(load_settings(env)))


def test_without_a_password_there_is_no_dashboard(redis_url: str):
    assert app(redis_url).test_client().get("/rq/").status_code == 404


@pytest.mark.parametrize("path", ["/rq", "/rq/", "/rq/0/data/queues.json", "/rq/static/css/main.css"])
def test_nothing_of_the_dashboard_is_shown_without_the_login(redis_url: str, path: str):
    client = app(redis_url, SMI_RQ_DASHBOARD_PASSWORD="correct horse").test_client()
    assert client.get(path).status_code == 401
    assert client.get(path, auth=("admin", "wrong horse")).status_code == 401


def test_with_the_password_it_lists_our_queues(redis_url: str):
    web = app(redis_url, SMI_RQ_DASHBOARD_PASSWORD="correct horse")
    web.extensions["services"].ports.queue.flush("deliver")
    answer = web.test_client().get("/rq/0/data/queues.json", auth=("admin", "correct horse"))
    assert [queue["name"] for queue in answer.json["queues"]] == [KEYS.rq_name("deliver")]


def test_the_rest_of_the_web_process_needs_no_login(redis_url: str):
    web = app(redis_url, SMI_RQ_DASHBOARD_PASSWORD="correct horse")
    assert web.test_client().get("/healthz").status_code == 200


@pytest.fixture
def dashboard(redis_url: str) -> Iterator[str]:
    """The address of a web process with the dashboard, served for real; work waits."""
    web = app(redis_url, SMI_RQ_DASHBOARD_PASSWORD="correct horse")
    web.extensions["services"].ports.queue.flush("deliver")
    server = make_server("127.0.0.1", 0, web, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(30)


def test_its_pages_open_in_a_browser_without_a_fault(dashboard: str, browser: Browser) -> None:
    login = {"username": "admin", "password": "correct horse"}
    with browser.page(http_credentials=login) as page:
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("response", lambda answer: faults.append(answer.url) if answer.status >= 400 else None)
        page.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
        page.goto(f"{dashboard}/rq/")
        page.locator("table").get_by_text(KEYS.rq_name("deliver"), exact=True).wait_for(timeout=10_000)
        page.goto(f"{dashboard}/rq/0/view/jobs/{KEYS.rq_name('deliver')}/queued/8/asc/1")
        job = page.locator(".job_id a")
        job.wait_for(timeout=10_000)
        job.click()
        page.get_by_text("work", exact=True).first.wait_for(timeout=10_000)
        page.goto(f"{dashboard}/rq/0/view/workers")
        page.get_by_text("No workers").wait_for(timeout=10_000)
        assert faults == []


EVIL = "<img src=x onerror=\"window.ran='image'\"><script>window.ran='script'</script>"


def test_names_out_of_redis_are_text(dashboard: str, redis_url: str, browser: Browser) -> None:
    """Of a queue and of a worker, and what a job says of itself."""
    with redis.Redis.from_url(redis_url) as client:
        (job_id,) = client.lrange(f"rq:queue:{KEYS.rq_name('deliver')}", 0, -1)
        client.hset(b"rq:job:" + job_id, "description", EVIL)
        client.sadd("rq:queues", f"rq:queue:{EVIL}")
        client.rpush(f"rq:queue:{EVIL}", job_id)
        worker = f"rq:worker:{EVIL}"
        client.sadd("rq:workers", worker)
        client.hset(worker, mapping={"birth": "2026-11-27T00:00:00Z", "queues": EVIL, "state": EVIL, "version": EVIL})
    login = {"username": "admin", "password": "correct horse"}
    views = ["queues", f"jobs/{KEYS.rq_name('deliver')}/queued/8/asc/1", f"job/{job_id.decode()}", "workers"]
    with browser.page(http_credentials=login) as page:
        for view in views:
            page.goto(f"{dashboard}/rq/0/view/{view}")
            page.wait_for_function("document.body.innerText.includes('onerror')", timeout=10_000)
            assert page.evaluate("window.ran") is None and page.locator("img").count() == 0, view


def test_a_script_that_gets_into_a_page_all_the_same_does_not_run(dashboard: str, browser: Browser) -> None:
    login = {"username": "admin", "password": "correct horse"}
    with browser.page(http_credentials=login) as page:
        refused: list[str] = []
        page.on("console", lambda said: refused.append(said.text))
        page.goto(f"{dashboard}/rq/")
        page.evaluate("html => $('body').append(html)", EVIL)
        page.wait_for_function("document.images.length > 0 && document.images[0].complete")
        page.evaluate("new Promise(done => setTimeout(done, 0))")
        assert page.evaluate("window.ran") is None
        assert any("Content Security Policy" in text for text in refused)


def test_it_unpickles_nothing(redis_url: str, tmp_path: Path) -> None:
    """Whoever can write to Redis must not run code in the web process, either."""
    web = app(redis_url, SMI_RQ_DASHBOARD_PASSWORD="correct horse")
    web.extensions["services"].ports.queue.flush("deliver")
    bomb = pickle.dumps(_Bomb(f"touch {tmp_path}/mark"))
    with redis.Redis.from_url(redis_url) as client:
        (job_id,) = client.lrange(f"rq:queue:{KEYS.rq_name('deliver')}", 0, -1)
        client.hset(b"rq:job:" + job_id, mapping={"meta": bomb, "data": bomb})
    client, login = web.test_client(), {"auth": ("admin", "correct horse")}
    job = job_id.decode()
    assert client.get(f"/rq/0/view/job/{job}", **login).status_code == 200
    assert client.get(f"/rq/0/data/job/{job}.json", **login).status_code == 200
    client.get(f"/rq/0/data/jobs/{KEYS.rq_name('deliver')}/queued/8/asc/1.json", **login)
    client.post(f"/rq/job/{job}/requeue", **login)
    assert client.post(f"/rq/job/{job}/delete", **login).status_code == 200
    assert list(tmp_path.iterdir()) == []


def test_the_pages_show_where_redis_is_and_no_password(redis_url: str) -> None:
    address = redis_url.replace("redis://", "redis://default:hunter2@") + "?password=hunter2"
    web = app(address, SMI_RQ_DASHBOARD_PASSWORD="correct horse")
    assert web.config["RQ_DASHBOARD_REDIS_URL"] == (redis_url.removeprefix("redis://"),)


class _Bomb:
    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self):
        return os.system, (self._command,)
