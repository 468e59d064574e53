"""A delivery of several messages speaks to a mail server over one connection; nobody's mail depends on another's."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from tests.bridge.conftest import Bridge, delivery
from tests.bridge.smtp_stand_in import SmtpStandIn


@pytest.fixture
def by_smtp(bridge: Bridge) -> Iterator[Callable[[str], None]]:
    """WordPress mails by SMTP, as a plugin sets that up. The argument: PHP that knows `$mailer`, and the mail's number
    as `$mail`."""
    installed: list[Callable[[], None]] = []

    def use(code: str) -> None:
        installed.append(
            bridge.mu_plugin(
                "by-smtp",
                "add_action('phpmailer_init', function ($mailer) { static $mail = 0; ++$mail; $mailer->isSMTP();"
                f" $mailer->Host = '127.0.0.1'; $mailer->SMTPAutoTLS = false; {code} }});",
            )
        )

    yield use
    for remove in installed:
        remove()


def addresses(count: int) -> list[str]:
    return [f"{uuid.uuid4().hex[:12]}@example.org" for _ in range(count)]


def deliver(bridge: Bridge, emails: list[str]) -> list[str]:
    """What became of each mail of one delivery."""
    deliveries = [("job.delivered", delivery(bridge.paid(email=email))) for email in emails]
    return [result["data"]["mail"] for result in bridge.door.batch(*deliveries)]


def test_the_mails_of_a_delivery_share_a_connection_ten_at_a_time(bridge: Bridge, by_smtp) -> None:
    emails = addresses(12)
    with SmtpStandIn() as server:
        by_smtp(f"$mailer->Port = {server.port};")
        assert deliver(bridge, emails) == ["sent"] * 12
    assert server.connections == [emails[:10], emails[10:]]


def test_a_refused_address_keeps_nobody_else_from_his_mail(bridge: Bridge, by_smtp) -> None:
    emails = addresses(3)
    with SmtpStandIn(refuses=(emails[1],)) as server:
        by_smtp(f"$mailer->Port = {server.port};")
        assert deliver(bridge, emails) == ["sent", "failed", "sent"]
    assert sum(server.connections, []) == [emails[0], emails[2]]


def test_a_mail_whose_data_is_refused_keeps_nobody_else_from_his_mail(bridge: Bridge, by_smtp) -> None:
    """The server is in the middle of it then, and takes no other over the same connection."""
    emails = addresses(4)
    with SmtpStandIn(rejects=(emails[1],)) as server:
        by_smtp(f"$mailer->Port = {server.port};")
        assert deliver(bridge, emails) == ["sent", "failed", "sent", "sent"]
    assert server.connections == [[emails[0]], [emails[2], emails[3]]]


def test_a_server_that_hangs_up_after_a_mail_costs_one_mail_at_most(bridge: Bridge, by_smtp) -> None:
    emails = addresses(4)
    with SmtpStandIn(most=2) as server:
        by_smtp(f"$mailer->Port = {server.port};")
        assert deliver(bridge, emails).count("failed") <= 1
    assert sum(len(mails) for mails in server.connections) >= 3


def test_a_mail_for_another_server_goes_there(bridge: Bridge, by_smtp) -> None:
    emails = addresses(3)
    with SmtpStandIn() as server, SmtpStandIn() as other:
        by_smtp(f"$mailer->Port = 2 === $mail ? {other.port} : {server.port};")
        assert deliver(bridge, emails) == ["sent"] * 3
    assert (server.connections, other.connections) == ([[emails[0]], [emails[2]]], [[emails[1]]])


def test_a_connection_that_a_plugin_keeps_is_left_to_it(bridge: Bridge, by_smtp) -> None:
    emails = addresses(12)
    with SmtpStandIn() as server:
        by_smtp(f"$mailer->Port = {server.port}; $mailer->SMTPKeepAlive = true;")
        assert deliver(bridge, emails) == ["sent"] * 12
    assert server.connections == [emails]
