"""The two systems that are measured side by side: ours, and the shop with the in-request handler. Same WordPress,
same database settings, same php-fpm, same sandbox; only what follows a payment differs.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from tests.testbed.places import release_port, reserve_port
from tests.testbed.process import Process
from tests.testbed.shop import DEMO_SHOP, Shop
from tests.testbed.sidecar import ALL
from tests.testbed.whole import API_KEY, BRIDGE, Sandbox, Whole

HERE = Path(__file__).resolve().parent
HANDLER, PAYMENT_STUB = HERE / "in-request-handler", HERE / "payment_stub"
PHP_CHILDREN = 8


class System:
    """What both have: a shop that takes payments, and a sandbox that enlarges."""

    shop: Shop
    sandbox: Sandbox
    picture: int = 0  # the attachment that is sold

    def stock(self, photo: Path) -> None:
        """Put a photo up for sale."""
        self.picture = self.shop.add_photo(photo)

    def parts(self) -> list[Process]:
        """The processes whose CPU time a job costs; the sandbox is Upsampler's and not among them."""
        return [self.shop.nginx, self.shop.php_fpm, self.shop.mariadb]

    def fault(self, *rules: Mapping[str, Any]) -> None:
        """How the sandbox misbehaves from now on; none: all well."""
        answer = requests.put(f"{self.sandbox.url}/sandbox/faults", json={"rules": list(rules)}, timeout=10)
        answer.raise_for_status()

    def payment_stub(self, picture: int | None = None) -> PaymentStub:
        """A payer of this attachment (the one of `stock`)."""
        return PaymentStub(self, picture or self.picture)

    def wait_delivered(self, job_id: str, timeout: float = 60) -> None:
        """Until the customer has been mailed. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while not self.shop.sql("SELECT 1 FROM wp_smi_jobs WHERE job_id = %s AND email_sent = 1", job_id):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{job_id} was not delivered within {timeout:g} s")
            time.sleep(0.02)

    def stop(self) -> None:
        raise NotImplementedError


class Ours(System):
    """Bridge and sidecar, with the settings of a usual installation (nginx sends the files)."""

    def __init__(
        self,
        folder: Path,
        sandbox: Sequence[str],
        progress: Callable[[str], None],
        *,
        env: Mapping[str, str] = MappingProxyType({}),
        processes: Sequence[str] = ALL,
    ) -> None:
        self.whole = Whole.start(
            folder,
            plugins=(DEMO_SHOP, BRIDGE, PAYMENT_STUB),
            env={"SMI_LOG_FORMAT": "json", **env},  # the default; the testbed's logs are for people
            processes=processes,
            sandbox=sandbox,
            php_children=PHP_CHILDREN,
            progress=progress,
        )
        self.shop, self.sandbox, self.sidecar = self.whole.shop, self.whole.sandbox, self.whole.sidecar
        _go_live(self.shop)

    def parts(self) -> list[Process]:
        return [*super().parts(), *self.sidecar.processes.values()]

    def stop(self) -> None:
        self.whole.stop()


class Baseline(System):
    """The in-request handler: submit in the payment request, download in the webhook request."""

    def __init__(self, folder: Path, sandbox: Sequence[str], progress: Callable[[str], None]) -> None:
        self._port = reserve_port()
        self.sandbox = Sandbox(folder / "sandbox", self._port, sandbox)
        self.sandbox.launch()
        try:
            self.shop = Shop.start(
                folder / "site",
                plugins=(DEMO_SHOP, HANDLER, PAYMENT_STUB),
                php_children=PHP_CHILDREN,
                constants={"UPSAMPLER_URL": f"{self.sandbox.url}/api/v1", "UPSAMPLER_KEY": API_KEY},
                progress=progress,
            )
            _go_live(self.shop)
            self.equal_work(False)  # an option that is not there would be asked for in each request
            self.sandbox.wait_ready()
        except BaseException:
            self.stop()
            raise

    def equal_work(self, on: bool) -> None:
        """Whether the handler checks and converts a result as the sidecar does."""
        self.shop.option("in_request_equal_work", int(on))

    def stop(self) -> None:
        if hasattr(self, "shop"):
            self.shop.stop()
        self.sandbox.stop()
        release_port(self._port)


def _go_live(shop: Shop) -> None:
    """As on a site with customers: WP_DEBUG off. And a sendmail that stores a mail with one process: the testbed's own
    starts five, which cost as much as all that WordPress does for a mail, with any handler."""
    configuration = shop.root / "wp-config.php"
    text = configuration.read_text().replace("define( 'WP_DEBUG', true )", "define( 'WP_DEBUG', false )")
    configuration.write_text(text)
    shop.php_fpm.ini["sendmail_path"] = f"/bin/sh {HERE / 'sendmail.sh'} {shop.mailbox.folder}"
    shop.php_fpm.restart()


class PaymentStub:
    """One payer's connection to the payment request (bench/payment_stub). Not shared between threads."""

    def __init__(self, system: System, picture: int) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(system.shop.url).netloc, timeout=120)
        self._picture = picture

    def pay(self, email: str, *, fire: bool = True, forget_circuit: bool = False) -> tuple[str, float]:
        """(job id, milliseconds that `smi_payment_completed` took inside PHP). `fire` False: all but the action."""
        form = {"attachment": self._picture, "email": email, "pay": int(fire), "forget_circuit": int(forget_circuit)}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request("POST", "/bench-payment/", urlencode(form), headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the payment request answered {answer.status}: {body[:500]!r}")
        said = json.loads(body)
        return said["job_id"], said["action_ms"]

    def close(self) -> None:
        self._connection.close()


# The sidecar's environment where it stands alone, without a shop that answers.
STAND_ALONE = {
    "SMI_SHOP_URL": "http://shop.example",
    "SMI_SECRET": "whsec_6eCm2wFPrp+RDgdtIEudJKmH0zOwNXXTYavPTykUCGQ=",
    "UPSAMPLER_API_KEY": API_KEY,
}
