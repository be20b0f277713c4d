"""The whole story on one virtual machine: a code is refused, the clock is found and put right, the code is taken.

Exit status: 0 the story is true; 1 something that it tells is not so; 2 it could not be played; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tests.rigs.shell import RigError, need, need_root
from tests.rigs.vm_image import Image, machine_folder

from .checks import Check, checks_of
from .narration import Narrator
from .stage import stage
from .story import ACTS, Story

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cache" / "demo"
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


#: What a user has set for other accounts and other inventories must not reach the demo, nor the demo them.
_FOREIGN = re.compile(r"(AWS_|ANSIBLE_|(https?|all|no)_proxy$)", re.IGNORECASE)


class Interrupted(BaseException):
    """Somebody ended the demo."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the story, and say how it went."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured, for a program")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where reports and logs go (default: .cache/demo)")
    options = parser.parse_args(arguments)
    for number in _ENDING:
        signal.signal(number, _end)
    forget_accounts()
    try:
        check_machine()
        return play(options.folder.absolute(), options.json)
    except RigError as exc:
        sys.stderr.write(f"demo: {exc}\n")
        return 2
    except Interrupted as exc:
        sys.stderr.write(f"\ndemo: ended by {exc}; everything that it started is gone\n")
        return 130


def forget_accounts() -> None:
    """Take the user's own settings of AWS and Ansible out of the environment."""
    for name in [name for name in os.environ if _FOREIGN.match(name)]:
        del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)


def check_machine() -> None:
    """Refuse early, and say what to do, where the rigs cannot run."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise RigError(
            f"the virtual machine is one of x86_64 on Linux, and this is {platform.machine()} on {sys.platform}:"
            " run it in a Debian 12 machine of that kind"
        )
    try:
        need_root("the demo")
    except RigError as exc:
        raise RigError(f"{exc}, for network namespaces and a virtual machine: sudo make demo") from exc
    try:
        need("qemu-system-x86_64", "qemu-img", "mkfs.ext4", "mmdebstrap", "ip", "bridge", "ssh", "ssh-keygen")
    except RigError as exc:
        raise RigError(f"{exc}; `make test-tools` installs them on Debian 12") from exc
    if not Image(machine_folder("bookworm")).booted_memory.exists():
        say("The virtual machine is built and booted for the first time, which takes some minutes; it is kept.")


def play(folder: Path, result: Path | None) -> int:
    """Play the acts until something is not so."""
    start = time.monotonic()
    for name in ("setup", "audit", "enforce"):
        shutil.rmtree(folder / name, ignore_errors=True)
    narrator = Narrator(shutil.get_terminal_size((100, 24)).columns, colours=_colours())
    say("Starting time servers, AWS, and the virtual machine ...")
    made_checks: list[Check] = []
    with stage(folder) as made:
        story = Story(made)
        facts = story.facts
        say(narrator.opening(facts))
        for act in ACTS:
            say(narrator.heading(act, facts))
            story.play(act)
            say(narrator.told(act, facts))
            made_checks += checks_of(act, facts)
            if not all(check.holds for check in made_checks):
                break
    failed = [check for check in made_checks if not check.holds]
    seconds = time.monotonic() - start
    if result is not None:
        whole = {"holds": not failed, "seconds": seconds, "checks": [check._asdict() for check in made_checks]}
        result.write_text(json.dumps({**whole, **facts.as_dict()}, indent=2) + "\n", encoding="utf-8")
    say(narrator.failed(failed) if failed else narrator.closing(facts, len(made_checks), seconds))
    return 1 if failed else 0


def say(text: str) -> None:
    """Tell, now."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _end(number: int, _frame: object) -> NoReturn:
    # Cleaning up is not to be interrupted in its turn.
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(signal.Signals(number).name)


if __name__ == "__main__":
    sys.exit(main())
