"""No fetch reaches an address that is not public, however it is written, looked up or redirected to."""

from __future__ import annotations

import pytest

from sidecar.adapters.fetch import SafeFetcher
from sidecar.core.errors import PermanentError, SidecarError, TemporaryError
from tests.fetch.wire_server import WireServer

INNER_FORMS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0",
    "00000000",
    "2130706433",
    "0x7f000001",
    "0x7f.0x0.0x0.0x1",
    "0x7f.1",
    "0177.0.0.1",
    "0177.1",
    "017700000001",
    "127.0.0.1.",
    "localhost",
    "LOCALHOST",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "100.64.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[2001:db8::1]",
    "[2001:20::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[100::1]",
    "[fc00::1]",
    "[fd12:3456:789a::1]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fec0::1]",
    "[ff02::1]",
    "１２７.0.0.1",
    "①②⑦.⓪.⓪.①",
]

ODD_URLS = [
    "ftp://files.example/a.png",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "data:image/png;base64,AAAA",
    "//files.example/a.png",
    "/etc/passwd",
    "",
    "http://",
    "http:///a.png",
    "https://user@files.example/a.png",
    "https://user:word@files.example/a.png",
    "https://@files.example/a.png",
    "http://files.example\\@127.0.0.1/",
    "http://127.0.0.1\\.files.example/",
    "http://files.example/a b.png",
    "http://files.example/\r\nHost: inner",
    " http://files.example/",
    "http://files.example:0/",
    "http://files.example:99999/",
    "http://files.example:port/",
    "http://[::1/",
    "http://files.example/" + "a" * 9000,
]


def refusal(fetcher: SafeFetcher, url: str) -> SidecarError:
    with pytest.raises(SidecarError) as caught, fetcher.stream(url, max_bytes=100, deadline_s=5):
        pass
    return caught.value


def test_there_are_more_than_forty_forms():
    assert len(set(INNER_FORMS)) > 40


REFUSED = (PermanentError, "fetch_refused_address")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_inner_address_is_refused_in_each_of_its_forms(scheme):
    errors = {host: refusal(SafeFetcher(connect_timeout=1), f"{scheme}://{host}/a.png") for host in INNER_FORMS}
    assert {host: error for host, error in errors.items() if (type(error), error.code) != REFUSED} == {}


@pytest.mark.parametrize("host", INNER_FORMS)
def test_a_name_that_leads_to_an_inner_address_is_refused(host):
    address = host.strip("[]").replace("%25", "%")
    fetcher = SafeFetcher(resolver=lambda name, port: [address])
    assert refusal(fetcher, "https://files.example/a.png").code == "fetch_refused_address"


@pytest.mark.parametrize("url", ODD_URLS)
def test_an_odd_url_is_refused_before_any_name_is_looked_up(url):
    looked_up = []
    fetcher = SafeFetcher(resolver=lambda name, port: looked_up.append(name) or ["93.184.216.34"])
    error = refusal(fetcher, url)
    assert (type(error), error.code) == REFUSED
    assert looked_up == []


def test_a_name_with_one_inner_address_among_public_ones_is_refused():
    fetcher = SafeFetcher(resolver=lambda name, port: ["2a00:1450:4001:81b::200e", "10.0.0.1"])
    assert refusal(fetcher, "https://files.example/").code == "fetch_refused_address"


def test_the_connection_goes_to_the_address_that_was_judged_although_the_name_leads_elsewhere_a_moment_later():
    answers = [["2001:4860:ffff::1"], ["127.0.0.1"]]  # public, but of no machine; then ours
    asked = []

    def rebinding(name: str, port: int) -> list[str]:
        asked.append(name)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    with WireServer(lambda exchange: exchange.answer()) as inner:
        fetcher = SafeFetcher(resolver=rebinding, connect_timeout=0.2)
        url = f"http://rebind.example:{inner.port}/"
        assert isinstance(refusal(fetcher, url), TemporaryError)
        assert asked == ["rebind.example"]
        assert refusal(fetcher, url).code == "fetch_refused_address"
        assert inner.connections == 0


@pytest.mark.parametrize("host", INNER_FORMS[:40:3])
def test_a_redirect_to_an_inner_address_is_refused(host):
    with WireServer(lambda exchange: exchange.answer("302 Found", b"", f"Location: http://{host}/")) as outer:
        fetcher = SafeFetcher(private_hosts=frozenset({outer.host}), connect_timeout=1)
        assert refusal(fetcher, outer.url).code == "fetch_refused_address"


def test_a_redirect_does_not_reach_another_port_of_an_allowed_host():
    with WireServer(lambda exchange: exchange.answer()) as inner:
        location = f"Location: {inner.url}/"
        with WireServer(lambda exchange: exchange.answer("307 Moved", b"", location)) as outer:
            fetcher = SafeFetcher(private_hosts=frozenset({outer.host}))
            assert refusal(fetcher, outer.url).code == "fetch_refused_address"
        assert inner.connections == 0


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://files.example/", "http://u@files.example/"])
def test_a_redirect_to_an_odd_url_is_refused(target):
    with WireServer(lambda exchange: exchange.answer("302 Found", b"", f"Location: {target}")) as outer:
        fetcher = SafeFetcher(private_hosts=frozenset({outer.host}))
        assert refusal(fetcher, outer.url).code == "fetch_refused_address"


def test_a_host_is_private_by_name_and_port_together():
    with WireServer(lambda exchange: exchange.answer("200 OK", b"picture")) as inner:
        allowed = SafeFetcher(
            private_hosts=frozenset({f"Files.Example:{inner.port}"}), resolver=lambda name, port: ["127.0.0.1"]
        )
        with allowed.stream(f"http://files.example:{inner.port}/", max_bytes=100, deadline_s=5) as answer:
            assert b"".join(answer.chunks) == b"picture"
        assert refusal(allowed, f"http://other.example:{inner.port}/").code == "fetch_refused_address"
        assert refusal(allowed, inner.url).code == "fetch_refused_address"
