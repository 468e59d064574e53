"""Git's hook commit-msg: a subject of at most 72 characters, the why behind an empty line.

python .ci/commit_subject.py FILE    # exit status 1, and a sentence, when the message has another form
"""

from __future__ import annotations

import sys
from pathlib import Path

MOST = 72
# Git makes these subjects itself: the first two go when the branch is put in order, the third quotes another one.
MADE_BY_GIT = ("fixup! ", "squash! ", 'Revert "')


def fault(message: str) -> str:
    """What is wrong with a commit message, in a sentence; "" if nothing is.

    As git reads it: lines that begin with `#` are no part of it, and the first paragraph is the subject.
    """
    lines = [line.rstrip() for line in message.partition("# ------------------------ >8 ---")[0].splitlines()]
    text = "\n".join(line for line in lines if not line.startswith("#")).strip("\n")
    subject = text.partition("\n\n")[0]
    if not subject or subject.startswith(MADE_BY_GIT):
        return ""  # git itself refuses an empty one
    if "\n" in subject:
        return "Between subject and body an empty line is missing."
    if len(subject) > MOST:
        return f"The subject has {len(subject)} characters, of {MOST} at most: the why goes into the body."
    return ""


if __name__ == "__main__":
    sys.exit(fault(Path(sys.argv[1]).read_text(encoding="utf-8")) or 0)
