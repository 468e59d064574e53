"""No spelling of a path and no header of a stranger opens what the snippets close."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.doors.rig import JOB, Doors, exchange, status_of

CLOSED = ("messages", "metrics", "readyz", "rq")
SPELLINGS = (
    "{0}",
    "{0}/",
    "{0}//",
    "/{0}",
    "//{0}",
    "./{0}",
    "x/../{0}",
    "sources/../{0}",
    "sources/..%2f{0}",
    "sources/%2e%2e/{0}",
    "sources/../../smi/{0}",
    "{0}?x=/status/a",
    "{0};x",
    "{0}%00",
    "{0}%20",
    "{0}%2f",
    "{0}%2fx",
    "%2f{0}",
    "..;/{0}",
    "sources/x%0d%0a/{0}",
    "\\{0}",
    "%5c{0}",
    "{0}#x",
)


def encoded(name: str, times: int) -> str:
    """The first letter in the other spelling, once or more."""
    return f"%{'25' * (times - 1)}{ord(name[0]):02x}{name[1:]}"


def request(path: str, *headers: str, method: str = "GET", host: str = "shop.example") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def open_doors(answer: bytes) -> bool:
    """Whether one of the closed doors has said something: every word of theirs, right or refusing."""
    words = (b'"faults"', b"unauthorized", b"smi_", b"message_", b"A login is needed", b"method_not_allowed")
    return any(word in answer for word in words)


@pytest.mark.parametrize("server", ["nginx", "apache"])
@pytest.mark.parametrize("name", CLOSED)
def test_no_spelling_of_a_path_opens_a_door_of_the_operators(public: dict[str, str], server: str, name: str) -> None:
    prefix = urlsplit(public[server]).path
    tails = [spelling.format(name) for spelling in SPELLINGS] + [encoded(name, 1), encoded(name, 2), name.upper()]
    for tail in tails:
        for path in (f"{prefix}/{tail}", f"http://shop.example{prefix}/{tail}", f"/{prefix}/{tail}"):
            for method in ("GET", "POST"):
                answer = exchange(public[server], request(path, "Content-Length: 0", method=method))
                assert not open_doors(answer), (path, answer[:300])
                assert status_of(answer) in (0, 301, 308, 400, 403, 404, 405), (path, answer[:300])


FORGED = (
    ("/x/{0}", "SCRIPT_NAME: /x"),
    ("/x/{0}", "Script-Name: /x"),
    ("/sources/{0}", "SCRIPT_NAME: /sources"),
    ("/sources/x", "PATH_INFO: /{0}"),
    ("/sources/x", "X-Forwarded-Prefix: /x", "X-Script-Name: /x", "X-Original-URL: /{0}", "X-Rewrite-URL: /{0}"),
    ("/sources/x", "X-HTTP-Method-Override: POST", "X_Forwarded_Prefix: /{0}"),
)


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize(("path", "headers"), [(path, headers) for path, *headers in FORGED])
def test_no_header_opens_one(public: dict[str, str], server: str, name: str, path: str, headers: list[str]) -> None:
    prefix = urlsplit(public[server]).path
    asked = request(prefix + path.format(name), *[header.format(name) for header in headers])
    answer = exchange(public[server], asked)
    assert not open_doors(answer), answer[:300]
    assert status_of(answer) in (400, 403, 404), answer[:300]


@pytest.mark.parametrize(
    "header",
    ["SCRIPT_NAME: /x", "Script-Name: /x", "PATH_INFO: /x", "X-Forwarded-Ssl: on", "X-Forwarded-Protocol: ssl"],
)
def test_a_forged_header_changes_no_answer_and_is_not_logged(
    doors: Doors, public: dict[str, str], server: str, header: str
) -> None:
    before = len(doors.log)
    prefix = urlsplit(public[server]).path
    answer = exchange(public[server], request(f"{prefix}/download/{doors.token}", header, "Range: bytes=0-3"))
    assert status_of(answer) == 206
    assert doors.token not in doors.log[before:]
    assert '"level": "error"' not in doors.log[before:] and "Traceback" not in doors.log[before:]


@pytest.mark.parametrize("server", ["nginx", "apache"])
def test_a_redirect_leads_to_the_shop_whatever_a_stranger_says(public: dict[str, str], server: str) -> None:
    """The prefix, the scheme and the host of an answer are those that the snippet sets."""
    prefix = urlsplit(public[server]).path
    forged = ("X-Forwarded-Prefix: /evil", "X-Forwarded-Host: evil.example", "Forwarded: host=evil.example")
    answer = exchange(public[server], request(f"{prefix}/status//{JOB}", *forged))
    assert b"evil" not in answer, answer[:500]
