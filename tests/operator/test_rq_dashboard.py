"""rq-dashboard: off unless asked for, and never without its password."""

import pytest
from flask import Flask

from sidecar import create_app
from sidecar.core.messages import new_secret
from sidecar.services import Services, load_settings


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
    assert [queue["name"] for queue in answer.json["queues"]] == ["deliver"]


def test_the_rest_of_the_web_face_needs_no_login(redis_url: str):
    web = app(redis_url, SMI_RQ_DASHBOARD_PASSWORD="correct horse")
    assert web.test_client().get("/healthz").status_code == 200
