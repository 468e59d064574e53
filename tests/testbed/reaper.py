"""Ends our servers when their owner dies without a chance to do so (SIGKILL, a test's hard timeout).

A small shell waits on a pipe that only the owner holds; when the pipe closes, it ends the process groups on its list.
"""

import atexit
import subprocess
import threading

_SCRIPT = r"""
trap '' INT TERM HUP
list=' '
while read -r verb group; do
    case $verb in
        watch) list="$list$group " ;;
        forget) list="${list%% "$group" *} ${list#* "$group" }" ;;
    esac
done
for group in $list; do kill -s KILL -- "-$group" 2>/dev/null; done
"""

_lock = threading.Lock()
_watcher: subprocess.Popen[str] | None = None


def watch(group: int) -> None:
    """End the process group `group` if this process dies."""
    _tell(f"watch {group}")


def forget(group: int) -> None:
    """The group has ended: its number may soon be somebody else's."""
    _tell(f"forget {group}")


def _tell(line: str) -> None:
    global _watcher
    with _lock:
        if _watcher is None:
            _watcher = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT], stdin=subprocess.PIPE, text=True, start_new_session=True
            )
            atexit.register(_close, _watcher)
        assert _watcher.stdin is not None
        _watcher.stdin.write(line + "\n")
        _watcher.stdin.flush()


def _close(watcher: subprocess.Popen[str]) -> None:
    assert watcher.stdin is not None
    watcher.stdin.close()
    watcher.wait(30)
