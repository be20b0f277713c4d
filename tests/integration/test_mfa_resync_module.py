"""The module and its playbook as users run them: by prompt and survey, two at once, and no secret left behind."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import yaml
from moto.moto_api._internal.models import moto_api_backend

from tests.fakes.aws import FakeAws
from tests.fakes.aws.identity import Keys
from tests.integration.mfa import STEP, codes_sent, held_at_aws, until_asked
from tests.integration.playbooks import PLAYBOOKS, ROOT

MODULE = "softtoken.compliance.iam_mfa_device_resync"


@pytest.fixture(scope="module")
def server() -> Iterator[FakeAws]:
    with FakeAws() as aws:
        yield aws


@pytest.fixture
def aws(server: FakeAws) -> FakeAws:
    moto_api_backend.reset()
    server.forget()
    server.rules.slow_s.clear()
    return server


class Desk:
    """A user's place: credentials, a folder, and ansible-playbook."""

    def __init__(self, aws: FakeAws, keys: Keys, folder: Path) -> None:
        self.folder = folder
        self.keys = keys
        self.environment = {
            **os.environ,
            **aws.environment_of(keys),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SHOW_CUSTOM_STATS": "1",
            "ANSIBLE_LOG_PATH": str(folder / "ansible.log"),
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts"),
        }

    def start(
        self, *flags: str, playbook: Path = PLAYBOOKS / "mfa_resync.yml", **variables: Any
    ) -> subprocess.Popen[str]:
        """Start a playbook; variables go into a file, as secrets should."""
        path = self.folder / "variables.json"
        path.write_text(json.dumps({"softtoken_ledger_dir": str(self.folder / "ledger"), **variables}))
        argv = [str(Path(sys.executable).with_name("ansible-playbook")), str(playbook), "-e", f"@{path}", *flags]
        return subprocess.Popen(
            argv, cwd=self.folder, env=self.environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *flags: str, **variables: Any) -> tuple[int, str]:
        with self.start(*flags, **variables) as process:
            output, _errors = process.communicate(timeout=600)
        return process.returncode, output


@pytest.fixture
def desk(aws: FakeAws, tmp_path: Path) -> Desk:
    return Desk(aws, aws.add_user("alice"), tmp_path)


def written(*folders: Path) -> Iterator[tuple[str, str]]:
    """Give the text of every file in the folders."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                yield str(path), path.read_text(errors="replace")


class ProcessList:
    """What every user of the host can see of other users' processes, watched while something runs."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.05):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue


def leaks(secrets: dict[str, str], texts: dict[str, str]) -> list[str]:
    """List which secret stands where; a code does not count inside of a longer number."""
    return [
        f"{name} in {where}"
        for name, secret in secrets.items()
        for where, text in texts.items()
        if re.search(rf"(?<!\d){re.escape(secret)}(?!\d)", text, re.IGNORECASE)
    ]


def test_seed_codes_and_keys_appear_nowhere(aws: FakeAws, desk: Desk, tmp_path: Path) -> None:
    """A run with the seed, in real time: it takes a minute at most."""
    serial = aws.virtual_device("alice")
    aws.device(serial).drift = 20
    seed = aws.seed(serial)
    with ProcessList() as processes:
        rc, output = desk.run("-vvvv", "--diff", softtoken_seed=seed, softtoken_clock_witness=[])
    assert rc == 0, output
    assert "resynchronised and verified" in output
    assert output.index("This waits for the next two codes") < output.index("TASK [Resynchronise the device]")
    assert aws.device(serial).drift == 0

    codes = codes_sent(aws)
    assert len(codes) == 3
    secrets = {
        "seed": seed,
        "seed in hexadecimal": base64.b32decode(seed).hex(),
        "key": desk.keys.secret_access_key,
        **{f"code {number}": code for number, code in enumerate(codes)},
    }
    given = tmp_path / "variables.json"
    texts = {path: text for path, text in written(tmp_path) if path != str(given)}
    assert any(path.endswith("ansible.log") for path in texts)
    assert any("mfa-ledger" in path for path in texts)
    texts |= {"output": output, "process list": "\n".join(processes.seen)}
    assert "iam_mfa_device_resync" in texts["process list"]
    assert leaks(secrets, texts) == []
    # It finds what is there to be found.
    assert leaks(secrets, {"given": given.read_text()}) == ["seed in given"]


def test_typed_codes_appear_nowhere_whether_they_are_taken_or_refused(aws: FakeAws, desk: Desk, tmp_path: Path) -> None:
    serial = aws.virtual_device("alice")
    token = aws.soft_token(serial, 600.0)
    swapped = token.pair(4)[::-1]
    first = desk.run("-vvvv", "--diff", softtoken_code1=swapped[0], softtoken_code2=swapped[1])
    assert first[0] == 2
    assert "They were swapped" in first[1]
    pair = token.pair()
    other = str(tmp_path / "second")
    second = desk.run("-vvvv", "--diff", softtoken_code1=pair[0], softtoken_code2=pair[1], softtoken_ledger_dir=other)
    assert second[0] == 0, second[1]
    assert "resynchronised, NOT verified" in second[1]
    later = token.pair(2)
    checked = desk.run("-vvvv", "--check", softtoken_code1=later[0], softtoken_code2=later[1])
    assert "would be resynchronised" in checked[1]
    secrets = dict(zip("abcdef", (*swapped, *pair, *later), strict=True))
    texts = {path: text for path, text in written(tmp_path) if not path.endswith("variables.json")}
    assert leaks(secrets, {**texts, "output": first[1] + second[1] + checked[1]}) == []
    assert aws.count("iam:ResyncMFADevice") == 2


def test_of_two_runs_at_the_same_moment_one_works_and_one_is_told_why_not(
    aws: FakeAws, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = aws.virtual_device("alice")
    token = aws.soft_token(serial, 600.0)
    first, second = token.pair(), token.pair(5)
    beside = Desk(aws, desk.keys, tmp_path / "beside")
    beside.folder.mkdir()
    ledger = str(tmp_path / "ledger")
    with held_at_aws(aws, monkeypatch) as let_go:
        running = desk.start(softtoken_code1=first[0], softtoken_code2=first[1], softtoken_ledger_dir=ledger)
        until_asked(aws)
        rc, output = beside.run(softtoken_code1=second[0], softtoken_code2=second[1], softtoken_ledger_dir=ledger)
        let_go.set()
        said, _errors = running.communicate(timeout=600)
    assert running.returncode == 0, said
    assert rc == 2, output
    assert f"Another run on this host works on {serial} (process " in output
    assert aws.count("iam:ResyncMFADevice") == 1


def test_without_codes_the_playbook_says_what_it_needs(aws: FakeAws, desk: Desk) -> None:
    aws.virtual_device("alice")
    rc, output = desk.run()
    assert rc == 2
    assert "Two codes are needed, softtoken_code1 and softtoken_code2, or softtoken_seed" in output
    assert codes_sent(aws) == []


def answer_prompts(desk: Desk, answers: dict[str, str]) -> tuple[int, str]:
    """Run the playbook at a terminal, and answer each prompt when it comes."""
    main, terminal = pty.openpty()
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), str(PLAYBOOKS / "mfa_resync.yml")]
    argv += ["-e", f"softtoken_ledger_dir={desk.folder / 'ledger'}"]
    process = subprocess.Popen(
        argv, cwd=desk.folder, env=desk.environment, stdin=terminal, stdout=terminal, stderr=terminal,
        start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    output = ""
    left = dict(answers)
    while True:
        try:
            chunk = os.read(main, 4096)
        except OSError:  # the other end is closed
            break
        output += chunk.decode(errors="replace")
        for prompt in [prompt for prompt in left if prompt in output and output.rstrip().endswith(":")]:
            os.write(main, f"{left.pop(prompt)}\n".encode())
    os.close(main)
    assert left == {}
    return process.wait(timeout=300), output


def test_a_user_at_a_terminal_is_asked_and_the_codes_are_not_echoed(aws: FakeAws, desk: Desk) -> None:
    serial = aws.virtual_device("alice")
    token = aws.soft_token(serial, -90.0)
    began = time.time()
    code1, code2 = token.pair()
    answers = {"User (": "", "Serial of": "", "Code that": code1, "Next code": code2}
    rc, output = answer_prompts(desk, answers)
    assert rc == 0, output
    assert f"{serial} of alice: resynchronised" in output.replace("\r\n", "\n")
    assert leaks({"first": code1, "second": code2}, {"terminal": output}) == []
    # The device is three steps late, and its codes were by as many more as have ended on the way.
    ended = int(time.time() // STEP) - int(began // STEP)
    assert -3 - ended <= aws.device(serial).drift <= -3


def test_the_module_alone_fails_with_cause_and_next_step(aws: FakeAws, desk: Desk, tmp_path: Path) -> None:
    serial = aws.virtual_device("alice")
    parameters = {"serial": f"{serial}-old", "code1": "860211", "code2": "047593", "ledger_dir": str(tmp_path / "l")}
    path = tmp_path / "play.yml"
    task = {MODULE: parameters, "register": "done", "ignore_errors": True}
    show = {
        "ansible.builtin.copy": {
            "dest": str(tmp_path / "result.json"),
            "content": "{{ done | to_json }}",
            "mode": "0600",
        }
    }
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [task, show]}
    play["vars"] = {"ansible_python_interpreter": sys.executable}
    path.write_text(yaml.safe_dump([play]))
    with desk.start(playbook=path) as process:
        output, _errors = process.communicate(timeout=600)
    assert process.returncode == 0, output
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["failed"], result["changed"], result["cause"]) == (True, False, "wrong_serial")
    assert serial in result["next_step"]
    assert result["msg"].endswith(result["next_step"])
