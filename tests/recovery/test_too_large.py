"""A source that is too large, or that the public can't reach: Upsampler gets a copy of ours, and the customer the size
that he paid for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests
from PIL import Image

from tests.recovery.rig import Rig, one_ending
from tests.testbed.photos import photo


@pytest.fixture(scope="module")
def rig(rig_factory: Callable[..., Rig]) -> Rig:
    """Upsampler takes one megapixel at most."""
    return rig_factory(env={"SMI_MAX_SOURCE_MP": "1", "SMI_WATCH_LIMIT_S": "60"})


@pytest.fixture(scope="module")
def large(rig: Rig) -> str:
    job_id = rig.customer.buy(rig.customer.photo("large.jpg", 1200, 900))
    rig.settled(job_id, timeout=90)
    return job_id


def test_a_source_above_our_limit_is_scaled_down_and_the_paid_size_comes_out(rig: Rig, large: str) -> None:
    assert one_ending(rig, large) == "delivered"
    assert "source_too_large" in rig.reasons(large)
    with Image.open(rig.file(large)) as image:
        assert image.size == (4800, 3600)


def test_upsampler_gets_the_copy_by_a_signed_link_and_a_higher_factor(rig: Rig, large: str) -> None:
    [entry] = rig.bill(large)
    assert entry["imageUrl"].startswith(f"{rig.shop.url}/smi/sources/")
    assert entry["factor"] > 4
    copy = requests.get(entry["imageUrl"], timeout=30)
    assert copy.status_code == 200
    assert copy.headers["Cache-Control"] == "private, no-store"


def test_the_customer_hears_of_nothing_but_the_delivery(rig: Rig, large: str) -> None:
    [mail] = rig.inbox(large)
    assert "ready" in mail.subject


def test_a_private_upload_is_served_to_upsampler_by_a_signed_link(rig: Rig) -> None:
    folder = rig.shop.uploads / "private"
    folder.mkdir(mode=0o700)
    job_id = rig.customer.buy_upload(photo(folder / "mine.jpg", 96, 72, seed=9))
    rig.settled(job_id)
    assert one_ending(rig, job_id) == "delivered"
    [entry] = rig.bill(job_id)
    assert entry["imageUrl"].startswith(f"{rig.shop.url}/smi/sources/")
    assert "mine" not in entry["imageUrl"]


def test_a_picture_that_lies_on_its_side_is_turned_upright_before_it_is_submitted(rig: Rig) -> None:
    attachment = rig.picture("on-its-side")
    path = next(rig.shop.uploads.glob("*/*/on-its-side.jpg"))
    with Image.open(path) as image:
        exif = image.getexif()
        exif[0x0112] = 6  # the camera was turned by a quarter
        image.save(path, exif=exif)
    job_id = rig.customer.buy(attachment)
    rig.settled(job_id)
    assert one_ending(rig, job_id) == "delivered"
    with Image.open(rig.file(job_id)) as image:
        assert image.size == (288, 384)
