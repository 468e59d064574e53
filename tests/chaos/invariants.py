"""The invariants: ledger, effects, mails, refunds, files and Upsampler's bill against each other."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests
from PIL import Image, ImageChops, ImageStat

from sidecar.adapters.images import Expected, Verifier
from sidecar.core.errors import SidecarError
from sidecar.core.tokens import TokenMaker
from tests.chaos.admin import Admin
from tests.testbed.whole import Whole, webhook_token

SETTLED = ("delivered", "refunded", "review")
RESENT = "mail:renewed:"  # of effects


@dataclass
class Findings:
    """What the run came to. `broken`: a sentence for everything that is not as it should be."""

    jobs: int
    delivered: int = 0
    refunded: int = 0
    review: int = 0
    lost: int = 0
    duplicate_submits: int = 0
    duplicate_mails: int = 0
    duplicate_refunds: int = 0
    bad_files: int = 0
    broken: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)  # of reviews and refunds
    remarks: list[str] = field(default_factory=list)  # no faults

    @property
    def good(self) -> bool:
        zeros = self.lost, self.duplicate_submits, self.duplicate_mails, self.duplicate_refunds, self.bad_files
        return not any(zeros) and not self.broken and self.delivered + self.refunded + self.review == self.jobs

    def line(self, recovery_p99: float) -> str:
        return (
            f"CHAOS jobs={self.jobs} delivered={self.delivered} refunded={self.refunded} review={self.review} "
            f"lost={self.lost} duplicate_submits={self.duplicate_submits} duplicate_mails={self.duplicate_mails} "
            f"duplicate_refunds={self.duplicate_refunds} bad_files={self.bad_files} recovery_p99={recovery_p99:.1f} s"
        )


class Books:
    """All records of a run, read once everything has come to rest."""

    def __init__(self, whole: Whole, tokens: TokenMaker, jobs: int, original: Path, admin: Admin) -> None:
        self._whole, self._tokens, self._original, self._admin = whole, tokens, original, admin
        sql = whole.shop.sql
        self.shop_rows = {row["job_id"]: row for row in sql("SELECT * FROM wp_smi_jobs")}
        self.ledger: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in sql("SELECT * FROM wp_smi_bridge_ledger ORDER BY attempt"):
            self.ledger[row["job_id"]].append(row)
        self.effects: dict[str, dict[str, str | None]] = defaultdict(dict)
        for row in sql("SELECT job_id, effect, outcome FROM wp_smi_bridge_effects"):
            self.effects[row["job_id"]][row["effect"]] = row["outcome"]
        self.histories: dict[str, Counter[str]] = defaultdict(Counter)
        for row in sql("SELECT job_id, event, COUNT(*) AS n FROM wp_smi_bridge_events GROUP BY job_id, event"):
            self.histories[row["job_id"]][row["event"]] = row["n"]
        self.decided: Counter[str] = Counter()  # job -> further submissions that the recovery table ordered
        seen = set()
        for row in sql(
            "SELECT job_id, event, detail FROM wp_smi_bridge_events WHERE event IN ('resubmit', 'compress')"
        ):
            key = row["job_id"], row["event"], json.loads(row["detail"] or "{}").get("submission")
            self.decided[row["job_id"]] += key not in seen
            seen.add(key)
        self.refunds: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in sql("SELECT * FROM wp_smi_demo_refunds ORDER BY id"):
            self.refunds[row["payment_intent"]].append(row)
        self.mails: dict[str, list[str]] = defaultdict(list)
        for mail in whole.shop.mails():
            for address in mail.to:
                self.mails[address].append(mail.subject)
        self.waiting = sql("SELECT type, job_id FROM wp_smi_bridge_mailbox ORDER BY id")
        self.result = Findings(jobs)

    def check(self) -> Findings:
        self._endings()
        self._submits()
        self._mails()
        self._refunds()
        self._files()
        self._links()
        self._mailbox()
        self._logs()
        return self.result

    def _find(self, job_id: str, sentence: str) -> None:
        self.result.broken.append(f"{job_id}: {sentence}")

    def _endings(self) -> None:
        if len(self.shop_rows) != self.result.jobs:
            self.result.broken.append(f"{len(self.shop_rows)} jobs were sold, not {self.result.jobs}")
        for job_id, shop_row in self.shop_rows.items():
            newest = (
                self.ledger[job_id][-1] if self.ledger[job_id] else {"state": "no row in the ledger", "reason": None}
            )
            state = newest["state"]
            if state not in SETTLED:
                self.result.lost += 1
                self._find(job_id, f"is not settled: {state}")
                continue
            setattr(self.result, state, getattr(self.result, state) + 1)
            if state != "delivered":
                self.result.reasons[f"{state}: {newest['reason']}"] += 1
            word = {"delivered": "completed", "refunded": "failed", "review": "processing"}[state]
            if shop_row["status"] != word:
                self._find(job_id, f"is {state} in the ledger and {shop_row['status']} in the shop's row")

    def _submits(self) -> None:
        """Each submission that the ledger let through may be accepted once; each after the first must be decided."""
        accepted: dict[str, Counter[tuple[int, int]]] = defaultdict(Counter)
        for entry in self._whole.sandbox.bill():
            job_id, attempt, submission = self._tokens.read_webhook(webhook_token(entry["webhook"]))
            accepted[job_id][attempt, submission] += 1
        for job_id, submissions in accepted.items():
            repeated = sum(count - 1 for count in submissions.values())
            through = {row["attempt"]: row["submission"] for row in self.ledger[job_id]}
            unknown = sum(submission > through.get(attempt, 0) for attempt, submission in submissions)
            undecided = max(0, len(submissions) - 1 - self.decided[job_id])
            if repeated or unknown or undecided:
                self.result.duplicate_submits += repeated + max(unknown, undecided)
                self._find(job_id, f"was submitted {dict(submissions)}, {self.decided[job_id]} more were decided")

    def _mails(self) -> None:
        """A mail for each effect at most; an effect that says "sent" has its mail."""
        unknown = 0
        for job_id, shop_row in self.shop_rows.items():
            effects = {name: outcome for name, outcome in self.effects[job_id].items() if name.startswith("mail:")}
            subjects = self.mails[shop_row["email"]]
            for name in [name for name, outcome in effects.items() if outcome == "overtaken"]:
                del effects[name]
            resent = sum(name.startswith(RESENT) for name in effects)  # says what the first one said
            repeated = max(0, sum(count - 1 for count in Counter(subjects).values()) - resent)
            beyond = max(0, len(subjects) - len(effects))
            if repeated or beyond:
                self.result.duplicate_mails += max(repeated, beyond)
                self._find(job_id, f"got the mails {subjects}; the ledger knows {effects}")
            sent = sum(outcome == "sent" for outcome in effects.values())
            again = sum(outcome == "sent" for name, outcome in effects.items() if name.startswith(RESENT))
            sent -= max(
                0, again - self.histories[job_id]["resent"]
            )  # such a one has settled a first one that had failed
            if len(subjects) < sent:
                self._find(job_id, f"{sent} mails were sent, {len(subjects)} have come")
            unknown += sum(outcome is None for outcome in effects.values())
            if "due" in effects.values():
                self._find(job_id, "is owed a mail")
            state = self.ledger[job_id][-1]["state"] if self.ledger[job_id] else ""
            if state in ("delivered", "refunded") and f"mail:{state}" not in effects:
                self._find(job_id, f"is {state}, and nobody was told")
        self.result.remarks.append(f"{unknown} mails cut off in the act: shown to the admin, never repeated blindly")

    def _refunds(self) -> None:
        for job_id, shop_row in self.shop_rows.items():
            calls = self.refunds[shop_row["stripe_payment_intent_id"]]
            row = self.ledger[job_id][-1] if self.ledger[job_id] else {"state": "", "reason": ""}
            if len(calls) > 1:
                self.result.duplicate_refunds += len(calls) - 1
                self._find(job_id, f"was refunded {len(calls)} times")
            money_back = any(call["accepted"] for call in calls)
            if row["state"] == "refunded" and not money_back:
                self.result.lost += 1
                self._find(job_id, "is refunded in the ledger, and the money did not go")
            if money_back and not (row["state"] == "refunded" or row["reason"] == "refund_due"):
                self._find(job_id, f"has its money back and is {row['state']} ({row['reason']})")

    def _files(self) -> None:
        """Every delivered file is the one that was bought; nothing under a final name is half a file."""
        folder = self._whole.shop.uploads / "smi-downloads"
        with Image.open(self._original) as original:
            small = original.convert("RGB").resize((24, 18), Image.Resampling.BOX)
            size = original.width * 4, original.height * 4
        owned = set()
        for job_id, rows in self.ledger.items():
            row = rows[-1]
            if row["state"] == "delivered":
                path = folder / row["path"]
                owned.add(path)
                if fault := _file_fault(path, row, size, small):
                    self.result.bad_files += 1
                    self._find(job_id, fault)
        orphans = [path for path in folder.glob("[0-9]*/*/*_4x.*") if path not in owned]
        for path in orphans:  # of a job that was decided in another way after its file had been stored
            if fault := _unsound(path, size):
                self.result.bad_files += 1
                self.result.broken.append(f"{path.name}, which no job owns, is not whole: {fault}")
        temps = len(list((folder / ".incoming").glob("*")))
        self.result.remarks.append(f"{len(orphans)} files without an owner and {temps} temp files are left to clean-up")

    def _links(self) -> None:
        """The link of each delivered job opens, and whoever renewed one knows what came of it."""
        with requests.Session() as http:
            for job_id, rows in self.ledger.items():
                if rows[-1]["state"] == "delivered" and (status := self._opened(http, rows[-1])) != 200:
                    self._find(job_id, f"its link answers {status}")
        renewed, resent = self._admin.renewed, self._admin.resent
        for job_id in renewed:
            if not self.histories[job_id].keys() & {"renewed", "renewal_failed"}:
                self._find(job_id, "its link was to be renewed, and nobody knows what came of that")
        for job_id in resent:
            owed = any(name.startswith(RESENT) for name in self.effects[job_id])
            if not owed and "renewal_failed" not in self.histories[job_id]:
                self._find(job_id, "its new link was to be mailed, and nobody knows what came of that")
        failed = sum("renewal_failed" in self.histories[job_id] for job_id in renewed)
        told = f"{len(renewed)} links renewed by an admin, {failed} of them in vain at first"
        self.result.remarks.append(f"{told}, {len(resent)} to be mailed by the door")

    def _opened(self, http: requests.Session, row: dict[str, Any]) -> int:
        shop = self._whole.shop.url
        mine = f"{shop}/?" + urlencode({"smi-bridge": "download", "job": row["job_id"], "token": row["token"]})
        return http.head(row["download_url"] or mine, timeout=30).status_code

    def _mailbox(self) -> None:
        """Each message for a sidecar that nobody can reach was taken, and that was acknowledged."""
        for message in self.waiting:
            self._find(message["job_id"] or "a webhook", f"its {message['type']} still waits in the mailbox")

    def _logs(self) -> None:
        """What befell the sidecar was no fault of its own, and it said so."""
        faults: Counter[str] = Counter()
        for log in self._whole.sidecar.folder.glob("*.log"):
            for line in log.read_text(errors="replace").splitlines():
                if '"stage.broke"' in line:
                    faults[line.replace("\\n", "\n").strip('"}').splitlines()[-1][:200]] += 1
        for last_line, count in faults.items():
            self.result.broken.append(f'{count} times "a fault of ours": {last_line}')


def _file_fault(path: Path, row: dict[str, Any], size: tuple[int, int], small: Image.Image) -> str:
    if not path.is_file():
        return "its file is not there"
    content = path.read_bytes()
    if (len(content), hashlib.sha256(content).hexdigest()) != (row["bytes"], row["sha256"]):
        return "its file is not the one that the ledger knows"
    if fault := _unsound(path, size):
        return f"its file is not sound: {fault}"
    with Image.open(path) as image:
        seen = image.convert("RGB").resize(small.size, Image.Resampling.BOX)
    difference = sum(ImageStat.Stat(ImageChops.difference(seen, small)).mean) / 3
    return f"its file shows something else (difference {difference:.0f})" if difference > 12 else ""


def _unsound(path: Path, size: tuple[int, int]) -> str:
    verifier = Verifier(Expected(*size, frozenset({"png", "jpeg", "webp"}), 1 << 30))
    try:
        verifier.feed(path.read_bytes())
        verifier.finish()
        with Image.open(path) as image:
            image.load()
    except (SidecarError, OSError) as error:
        return str(error)
    return ""
