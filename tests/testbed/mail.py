"""The mails that the shop sent, as objects. `php/sendmail.sh` writes them, one file each."""

import email
import email.policy
import time
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import getaddresses
from pathlib import Path


@dataclass(frozen=True)
class Mail:
    """One mail. `to` holds bare addresses; `text` and `html` are decoded, and empty if there is no such part."""

    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    headers: dict[str, str]
    message: EmailMessage
    path: Path

    @classmethod
    def read(cls, path: Path) -> "Mail":
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return cls(
            to=tuple(address for _, address in getaddresses([str(h) for h in message.get_all("To", [])])),
            subject=str(message["Subject"] or ""),
            text=_part(message, "plain"),
            html=_part(message, "html"),
            headers={name: str(value) for name, value in message.items()},
            message=message,
            path=path,
        )


def _part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body(preferencelist=(subtype,))
    return part.get_content() if part is not None else ""


class Mailbox:
    """All mails of one shop, in the order in which they were sent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[Path, Mail] = {}  # a mail does not change, and parsing one takes 20 ms
        folder.mkdir(parents=True, exist_ok=True)

    def mails(self, to: str | None = None) -> list[Mail]:
        paths = sorted(self.folder.glob("*.eml"))
        self._read = {path: self._read.get(path) or Mail.read(path) for path in paths}
        found = list(self._read.values())
        return [mail for mail in found if to is None or to in mail.to]

    def wait(self, to: str, timeout: float = 30, count: int = 1) -> Mail:
        """The `count`-th mail to that address. Raises TimeoutError, naming what did come."""
        deadline = time.monotonic() + timeout
        while len(found := self.mails(to)) < count:
            if time.monotonic() > deadline:
                others = [f"{', '.join(mail.to)}: {mail.subject}" for mail in self.mails()]
                raise TimeoutError(f"{len(found)} of {count} mails to {to} after {timeout:g} s; sent: {others}")
            time.sleep(0.02)
        return found[count - 1]

    def clear(self) -> None:
        for path in self.folder.glob("*.eml"):
            path.unlink()
