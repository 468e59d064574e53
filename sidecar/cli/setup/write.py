"""Setup: `setup` writes what was planned, and takes it away again. A file that is right is not touched."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from .find import Facts
from .machine import Machine
from .plan import File, Plan, data_folder


@dataclass(frozen=True)
class Step:
    """`state`: new, changed, right."""

    file: File
    place: Path
    state: str


def steps(machine: Machine, facts: Facts, plan: Plan) -> list[Step]:
    """Where each file goes. What only root may write is put ready for him in the folder."""
    found = [_step(machine, file, file.path) for file in plan.files]
    for file in plan.system:
        there = _step(machine, file, file.path)
        if facts.is_root or there.state == "right":
            found.append(there)
        else:
            found.append(_step(machine, file, facts.folder / "for-root" / file.path.name))
    return found


def for_root(steps_: list[Step]) -> list[tuple[str, str]]:
    """(why, command) for each file that waits for root."""
    waiting = [(step.place, step.file.path) for step in steps_ if step.place != step.file.path]
    return [(f"put {to.name} in place", f"sudo install -D -m 644 {ready} {to}") for ready, to in waiting]


def _step(machine: Machine, file: File, place: Path) -> Step:
    real = machine.at(place)
    try:
        seen = real.stat()
        is_same = real.read_text(encoding="utf-8") == file.text and seen.st_mode & 0o777 == file.mode
    except (FileNotFoundError, NotADirectoryError):
        return Step(file, place, "new")
    except PermissionError:  # what can't be read is not known to be right
        return Step(file, place, "changed")
    is_same = is_same and file.owner in ("", machine.owner(place))
    return Step(file, place, "right" if is_same else "changed")


def write(machine: Machine, facts: Facts, plan: Plan, found: list[Step]) -> None:
    """Each file appears whole or not at all, and is never readable for others in between."""
    for folder, owner in plan.folders:
        real = machine.at(folder)
        real.mkdir(parents=True, exist_ok=True)
        if owner and machine.owner(folder) != owner:
            shutil.chown(real, owner)
    for step in found:
        if step.state == "right":
            continue
        real = machine.at(step.place)
        real.parent.mkdir(parents=True, exist_ok=True)
        draft = real.with_name(f".{real.name}.new")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(step.file.text)
        if facts.is_root and step.file.owner:
            shutil.chown(draft, step.file.owner)
        draft.chmod(step.file.mode)
        draft.replace(real)


def leftovers(machine: Machine, facts: Facts, plan: Plan) -> list[Path]:
    """What `--uninstall` removes: what setup has written. Finished pictures are not among it."""
    ours = [file.path for file in (*plan.files, *plan.system)]
    ours += [facts.folder / "for-root", data_folder(facts)]
    if facts.site.is_included:  # the web server would not start without a file that it is told to include
        servers = {Path("/etc/nginx"), Path(facts.apache_folder)}
        ours = [path for path in ours if not servers & set(path.parents)]
    return [path for path in ours if machine.exists(path)]


def may_remove(machine: Machine, path: Path) -> bool:
    """Whether all of it can go: of a folder, also what is in it, down to the last."""
    real, whole = machine.at(path), os.R_OK | os.W_OK | os.X_OK
    if not os.access(real.parent, os.W_OK | os.X_OK) or _sticks(real):
        return False
    if not real.is_dir() or real.is_symlink():
        return True
    if not os.access(real, whole):
        return False
    inside = (inner for inner in real.rglob("*") if inner.is_dir() and not inner.is_symlink())
    return all(os.access(folder, whole) and not _sticks(folder) for folder in inside)


def _sticks(real: Path) -> bool:
    """In a folder as /tmp is, only the owner of a file may remove it."""
    around, me = real.parent.stat(), os.geteuid()
    return bool(around.st_mode & stat.S_ISVTX) and me not in (0, around.st_uid, real.lstat().st_uid)


def remove(machine: Machine, paths: list[Path]) -> None:
    """Folders go with all that is in them; a folder that only setup uses, with the last of its files."""
    for path in paths:
        real = machine.at(path)
        if real.is_dir() and not real.is_symlink():
            shutil.rmtree(real)
        else:
            real.unlink()
        parent = real.parent
        is_ours = parent.name in ("smi-sidecar", "smi-sidecar@sandbox.service.d") and not any(parent.iterdir())
        if is_ours and os.access(parent.parent, os.W_OK | os.X_OK):
            parent.rmdir()
