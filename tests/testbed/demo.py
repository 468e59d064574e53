"""`make demo`: the main job, end to end, on a real WordPress, step by step.

With MODE=remote the sidecar is on a machine of its own, which reaches the shop and Upsampler only and which nobody
reaches: it comes for its messages, and files go through the shop's door."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import requests
from rich.console import Console

from sidecar.adapters.images import Expected, Verifier

from .customer import buy_on_page, download_link, status_page
from .far import HOST_INI, Far
from .photos import photo
from .sidecar import UNREACHED
from .whole import PULLED, Whole

CUSTOMER = "customer@shop.example"
TIMEOUT_S = 120
console = Console(highlight=False)


def main() -> int:
    once = os.environ.get("DEMO_ONCE") == "1"
    mode = sys.argv[1] if len(sys.argv) > 1 else "local"
    if mode not in ("local", "remote"):
        sys.exit(f"MODE is local or remote, not {mode}")
    folder = Path(tempfile.mkdtemp(prefix="smi-demo-"))
    _listen(_end)
    last_line = ""
    try:
        with _started(mode, folder) as whole:
            if isinstance(whole, Far):
                _show_distance(whole)
            last_line, job_id, link = _sell(whole)
            if not once:
                _addresses(whole, job_id, link)
                threading.Event().wait()  # ends: with Ctrl-C, or a closed terminal
            _listen(_no)
    except KeyboardInterrupt:
        pass
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    console.print()
    _say("everything is stopped")
    if not last_line:
        return 130
    print(last_line, flush=True)
    return 0


def _started(mode: str, folder: Path) -> Whole:
    env, sandbox = {"SMI_FIRST_POLL_S": "5"}, ["--delay", "2"]
    if mode == "local":
        return Whole.start(folder, env=env, sandbox=sandbox, progress=_say)
    return Far.start(folder, env={**env, **PULLED}, sandbox=sandbox, progress=_say, processes=UNREACHED)


def _listen(answer: Callable[[int, object], None]) -> None:
    """To Ctrl-C, also as a shell's background job, which would ignore it; to a closed terminal, unless under nohup."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, answer)


def _end(number: int, frame: object) -> None:
    """At any moment. Whoever presses again while all is being stopped must not interrupt that."""
    _listen(_no)
    raise KeyboardInterrupt


def _no(number: int, frame: object) -> None:
    pass


def _sell(whole: Whole) -> tuple[str, str, str]:
    """Buy a photo as a customer does, follow it, download it by the mailed link, check it: (last line, job, link)."""
    shop = whole.shop
    picture = whole.folder / "Evening over the hills.jpg"
    photo(picture, 800, 600, seed=7)
    attachment = shop.add_photo(picture, "Evening over the hills")
    _step("a customer opens the shop and buys a photo, enlarged 4x")
    began = time.monotonic()
    job_id = buy_on_page(shop, attachment, "4x", CUSTOMER)
    _step(f"paid in {time.monotonic() - began:.2f} s: job {job_id}")
    _follow(whole, job_id, began)
    mail = shop.wait_mail(CUSTOMER, timeout=30)
    seconds = time.monotonic() - began
    _step(f"the customer has mail after {seconds:.1f} s: {mail.subject}")
    link = download_link(mail)
    width, height, size = _download(link)
    if isinstance(whole, Far):
        stored = next((shop.uploads / "smi-downloads").glob(f"*/*/{job_id}*"))
        _step(f"it lies at {stored.relative_to(shop.root)}, and the shop handed it out")
    _step(f"downloaded by the mailed link and checked: {width}x{height} pixels, {size:,} bytes")
    row = shop.sql("SELECT attempt FROM wp_smi_bridge_ledger WHERE job_id = %s", job_id)[0]
    done = f"DEMO OK job={job_id} attempt={row['attempt']} {width}x{height} {size} bytes in {seconds:.1f} s"
    return done, job_id, link


def _show_distance(whole: Far) -> None:
    """What lies between the two."""
    _say(f"the sidecar: {', '.join(UNREACHED)}; no process listens for the shop, it comes for its messages")
    _say(f"the shop's host: posts of {HOST_INI['post_max_size']}, memory of {HOST_INI['memory_limit']}, no programs")
    if whole.entered:
        see = [*whole.entered, "ls", "-A", str(whole.shop.folder)]
        seen = subprocess.run(see, capture_output=True, text=True, check=True, timeout=120).stdout.split()
        _say(f"the sidecar: in a network of its own; of the shop's folder it sees {len(seen)} files")
    else:
        _say("the sidecar: its settings name no folder of the shop (a network of its own is for root only)")


def _follow(whole: Whole, job_id: str, began: float) -> None:
    """Poll the status document, as the customer's page does, and show each new phase."""
    shown = ""
    far = isinstance(whole, Far)
    url = f"{whole.shop.url}/{'wp-json/smi-bridge/v1' if far else 'smi'}/status/{job_id}"
    with console.status("waiting") as bar:
        while time.monotonic() - began < TIMEOUT_S:
            answer = requests.get(url, timeout=10)
            if answer.status_code == 200:
                document = answer.json()
                bar.update(f"{document['phase']} {document['share']:.0%}")
                if document["phase"] != shown:
                    shown = document["phase"]
                    _step(f"{time.monotonic() - began:4.1f} s  {shown}")
                if shown == "ready":
                    return
                if shown in ("refunded", "in_review"):
                    break
            time.sleep(0.2)
    raise SystemExit(f"the job was not delivered within {TIMEOUT_S} s (last seen: {shown or 'nothing'})")


def _download(link: str) -> tuple[int, int, int]:
    """Fetch the file as a browser would, and check it byte by byte."""
    with requests.get(link, timeout=30, stream=True) as answer:
        answer.raise_for_status()
        verifier = Verifier(Expected(3200, 2400, frozenset({"png", "jpeg", "webp"}), 1 << 30))
        size = 0
        for chunk in answer.iter_content(1 << 20):
            size += len(chunk)
            verifier.feed(chunk)
        info = verifier.finish()
    return info.width, info.height, size


def _addresses(whole: Whole, job_id: str, link: str) -> None:
    shop = whole.shop
    console.print()
    for name, value in {
        "The shop": f"{shop.url}/",
        "Admin": f"{shop.url}/wp-admin/   ({shop.admin_user} / {shop.admin_password})",
        "The bridge": f"{shop.url}/wp-admin/admin.php?page=smi-bridge",
        "Status page": status_page(shop, job_id),
        "Download": link,
        "Mails": shop.mailbox.folder,
        "Finished files": f"{shop.uploads}/smi-downloads",
        "Upsampler's bill": f"{whole.sandbox.url}/sandbox/bill",
    }.items():
        console.print(f"  {name:<17} {value}", soft_wrap=True)
    console.print("\n  It keeps running. Ctrl-C stops everything and cleans up.")


def _say(line: str) -> None:
    console.print(f"  {line}")


def _step(line: str) -> None:
    console.print(f"▸ {line}", style="bold")


if __name__ == "__main__":
    sys.exit(main())
