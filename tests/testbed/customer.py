"""A customer of a `Whole`: buys, follows, and downloads, by the ways that a real one has."""

import re
import uuid
from pathlib import Path
from typing import Any

import requests

from tests.testbed.mail import Mail
from tests.testbed.photos import photo
from tests.testbed.shop import Shop
from tests.testbed.waiting import wait_for

SETTLED = ("delivered", "refunded", "review")


def buy_on_page(shop: Shop, attachment: int, resolution: str = "4x", email: str = "") -> str:
    """Fill in the form, pay (no real money), be sent back: the job's id. Raises RuntimeError if it is not sold."""
    with requests.Session() as session:
        page = session.get(f"{shop.url}/", timeout=30)
        page.raise_for_status()
        nonce = re.search(r'name="smi_demo_nonce" value="([^"]+)"', page.text)
        form = {"attachment": str(attachment), "resolution": resolution, "email": email, "smi_demo_buy": "1"}
        form["smi_demo_nonce"] = nonce[1] if nonce else ""
        answer = session.post(f"{shop.url}/", data=form, allow_redirects=False, timeout=30)
    found = re.search(r"[?&]job_id=([0-9a-f-]{36})", answer.headers.get("Location", ""))
    if found is None:
        raise RuntimeError(f"the shop did not sell: HTTP {answer.status_code}")
    return found[1]


def status_page(shop: Shop, job_id: str) -> str:
    """The address of the status page, as mails have it."""
    return str(shop.php_json(f"return \\SmiBridge\\Customer\\Status_View::link('{job_id}');"))


class Customer:
    """Sees the shop from outside, its ledger and its table from inside. E-mail addresses are new for each purchase."""

    def __init__(self, shop: Shop, photos: Path) -> None:
        self.shop = shop
        self._photos = photos
        self._attachments: dict[tuple[str, int, int, int], int] = {}

    # --- buying

    def photo(self, name: str = "valley.jpg", width: int = 160, height: int = 120, seed: int = 1) -> int:
        """A picture of the media library; the same one for the same arguments."""
        key = (name, width, height, seed)
        if key not in self._attachments:
            folder = self._photos / f"{width}x{height}-{seed}"
            folder.mkdir(parents=True, exist_ok=True)
            self._attachments[key] = self.shop.add_photo(photo(folder / name, width, height, seed))
        return self._attachments[key]

    @staticmethod
    def new_email() -> str:
        return f"{uuid.uuid4().hex[:12]}@customer.example"

    def buy(self, attachment: int | None = None, resolution: str = "4x", email: str | None = None) -> str:
        """Buy a picture of the media library; the payment's event fires in a request of its own. The job's id."""
        attachment = self.photo() if attachment is None else attachment
        email = self.new_email() if email is None else email
        return self.shop.php_json(f"return smi_demo_shop_buy({attachment}, '{resolution}', '{email}');")

    def buy_upload(self, path: Path, resolution: str = "4x") -> str:
        """Buy an enlargement of a picture that the customer has uploaded."""
        return self.shop.php_json(f"return smi_demo_shop_buy_upload('{path}', '{resolution}', '{self.new_email()}');")

    def buy_altered(self, **columns: object) -> str:
        """Buy with a row that another shop, an older version or an attacker might have written: some columns differ."""
        job_id = self.shop.php_json(f"return smi_demo_shop_buy_silently({self.photo()}, '4x', '{self.new_email()}');")
        changes = ", ".join(f"{name} = %s" for name in columns)
        self.shop.sql(f"UPDATE wp_smi_jobs SET {changes} WHERE job_id = %s", *columns.values(), job_id)
        self.pay(job_id)
        return job_id

    def pay(self, job_id: str, context: str = "") -> None:
        """The payment's event; `context`: PHP for its second argument, e.g. "['admin_override' => true]"."""
        second = f", {context}" if context else ""
        self.shop.php(f"do_action('smi_payment_completed', '{job_id}'{second});")

    # --- following

    def row(self, job_id: str) -> dict[str, Any]:
        """The job in the shop's own table."""
        return self.shop.sql("SELECT * FROM wp_smi_jobs WHERE job_id = %s", job_id)[0]

    def attempts(self, job_id: str) -> list[dict[str, Any]]:
        """The job's rows in the ledger, oldest first."""
        return self.shop.sql("SELECT * FROM wp_smi_bridge_ledger WHERE job_id = %s ORDER BY attempt", job_id)

    def until(self, job_id: str, *states: str, attempt: int = 1, timeout: float = 60) -> dict[str, Any]:
        """Wait until the attempt is in one of these states of the ledger; its row there."""

        def there() -> dict[str, Any] | None:
            row = next((row for row in self.attempts(job_id) if row["attempt"] == attempt), None)
            seen[:] = [(row["state"], row["reason"], row["detail"]) if row else "no such attempt"]
            return row if row and row["state"] in states else None

        seen: list[Any] = []
        try:
            return wait_for(there, f"attempt {attempt} of job {job_id} is {' or '.join(states)}", timeout)
        except TimeoutError as error:
            history = self.shop.sql("SELECT at, event, detail FROM wp_smi_bridge_events WHERE job_id = %s", job_id)
            raise TimeoutError(f"{error}; the ledger says {seen[0]}, the history {history}") from None

    def settled(self, job_id: str, attempt: int = 1, timeout: float = 60) -> dict[str, Any]:
        return self.until(job_id, *SETTLED, attempt=attempt, timeout=timeout)

    def status_page(self, job_id: str) -> str:
        """The address that stands in the customer's mails."""
        return status_page(self.shop, job_id)

    def status_token(self, job_id: str) -> str:
        return self.status_page(job_id).rpartition("smi_status_token=")[2]

    def status(self, job_id: str) -> dict[str, Any]:
        """What the customer's page is told: it has the token."""
        headers = {"Smi-Status-Token": self.status_token(job_id)}
        answer = self.shop.http.get(f"{self.shop.url}/smi/status/{job_id}", headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def mail(self, job_id: str, count: int = 1, timeout: float = 30) -> Mail:
        """The `count`-th mail to the job's customer."""
        return self.shop.wait_mail(self.row(job_id)["email"], timeout, count)

    def mails(self, job_id: str) -> list[Mail]:
        """All mails to the job's customer, once those that the ledger has begun are sent: it is written first."""
        undone = "SELECT effect FROM wp_smi_bridge_effects WHERE job_id = %s AND done_at IS NULL"
        wait_for(lambda: not self.shop.sql(undone, job_id), f"every effect of job {job_id} is done")
        return self.shop.mails(self.row(job_id)["email"])


def download_link(mail: Mail) -> str:
    """The address behind the mail's button. Raises ValueError when there is none."""
    found = re.search(r'href="([^"]+(?:/download/|smi-bridge=download)[^"]+)"', mail.html)
    if found is None:
        raise ValueError(f"the mail {mail.subject!r} has no download link")
    return found[1].replace("&#038;", "&").replace("&amp;", "&")
