"""The attached role, asked of a metadata service that behaves and of many that do not."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._imds import attached_role
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import Unavailable
from ansible_collections.softtoken.compliance.tests.fakes.files import RootedFiles
from ansible_collections.softtoken.compliance.tests.fakes.imds import ACCOUNT, FakeImds

ROLES = "/latest/meta-data/iam/security-credentials/"
# Far more than a healthy answer needs, and far less than a hanging one takes.
TIMEOUT = 5.0


@pytest.fixture
def files(tmp_path: Path) -> RootedFiles:
    return RootedFiles(tmp_path)


def ask(files: RootedFiles, fake: FakeImds, timeout_s: float = TIMEOUT) -> dict[str, str | None] | None:
    return attached_role(files, mode="force", endpoint=fake.endpoint, timeout_s=timeout_s)


def test_account_and_role_without_ever_asking_for_credentials(files: RootedFiles) -> None:
    with FakeImds() as fake:
        assert ask(files, fake) == {"account": ACCOUNT, "role": "ci-runner"}
        assert fake.requests == [("PUT", "/latest/api/token"), ("GET", ROLES), ("GET", "/latest/meta-data/iam/info")]


def test_another_partition_than_the_usual_one_is_named(files: RootedFiles) -> None:
    with FakeImds() as fake:
        fake.partition = "aws-us-gov"
        assert ask(files, fake) == {"account": ACCOUNT, "role": "ci-runner", "partition": "aws-us-gov"}


@pytest.mark.parametrize("mode", ["no_role", "empty_role"])
def test_an_instance_without_a_role(files: RootedFiles, mode: str) -> None:
    with FakeImds(mode) as fake:
        assert ask(files, fake) is None
        assert fake.requests


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("turned_off", r"turned off .*403"),
        ("version_1_only", r"/latest/api/token is 404"),
        ("error", r"/latest/api/token is 500"),
        ("redirect", r"redirected \(302\)"),
        ("garbage", r"no HTTP \(BadStatusLine\)"),
        ("cut", r"no HTTP \(IncompleteRead\)"),
        ("bad_token", r"no session token"),
        ("bad_role", r"no role name"),
        ("huge", r"no role name"),
        ("bad_profile", r"names no instance profile"),
        ("stale_token", r"is 401"),
    ],
)
def test_a_failure_is_unavailable_with_its_reason(files: RootedFiles, mode: str, reason: str) -> None:
    with FakeImds(mode) as fake, pytest.raises(Unavailable, match=reason) as caught:
        ask(files, fake)
    assert fake.endpoint in str(caught.value)


def test_a_redirect_is_not_followed(files: RootedFiles) -> None:
    with FakeImds("redirect") as fake, pytest.raises(Unavailable):
        ask(files, fake)
    assert fake.requests == [("PUT", "/latest/api/token")]


@pytest.mark.parametrize("mode", ["hop_limit", "drip", "slow_body"])
def test_the_time_limit_is_for_everything_together(files: RootedFiles, mode: str) -> None:
    # The server would go on for half a minute and more; the limit is 0.3 s. Anything between proves it.
    start = time.monotonic()
    with FakeImds(mode) as fake, pytest.raises(Unavailable, match=r"within 0.3 s.*hop limit"):
        ask(files, fake, timeout_s=0.3)
    assert time.monotonic() - start < 25


def test_nobody_listens(files: RootedFiles) -> None:
    with FakeImds() as fake:
        pass
    with pytest.raises(Unavailable, match="refused"):
        ask(files, fake)


def test_a_proxy_is_not_used(files: RootedFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with FakeImds() as fake:
        assert ask(files, fake) is not None


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://169.254.169.254",
        "169.254.169.254",
        "http://host/path",
        "http://user@host",
        "http://a:99999",
        "http://a\r\nb",
    ],
)
def test_an_endpoint_that_is_none(files: RootedFiles, endpoint: str) -> None:
    with pytest.raises(Unavailable, match="no metadata endpoint"):
        attached_role(files, mode="force", endpoint=endpoint)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n"),
        ("/sys/class/dmi/id/board_asset_tag", "i-0abcdef1234567890\n"),
        ("/sys/hypervisor/uuid", "ec2e1916-9099-7caf-fd21-012345abcdef\n"),
        ("/sys/class/dmi/id/product_uuid", "EC2E1916-9099-7CAF-FD21-012345ABCDEF\n"),
    ],
)
def test_auto_asks_where_the_machine_says_it_is_ec2(files: RootedFiles, path: str, text: str) -> None:
    files.write(path, text)
    with FakeImds() as fake:
        assert attached_role(files, mode="auto", endpoint=fake.endpoint, timeout_s=TIMEOUT) is not None


def test_auto_asks_nobody_elsewhere(files: RootedFiles) -> None:
    files.write("/sys/class/dmi/id/sys_vendor", "QEMU\n")
    with FakeImds() as fake:
        assert attached_role(files, mode="auto", endpoint=fake.endpoint, timeout_s=TIMEOUT) is None
        assert fake.requests == []


def test_never_asks_nobody(files: RootedFiles) -> None:
    files.write("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n")
    with FakeImds() as fake:
        assert attached_role(files, mode="never", endpoint=fake.endpoint) is None
        assert fake.requests == []


def test_importing_it_does_not_cost_an_http_client() -> None:
    script = (
        "import sys; sys.path[:0] = sys.argv[1:];"
        "import ansible_collections.softtoken.compliance.plugins.module_utils._imds;"
        "sys.exit('http.client' in sys.modules)"
    )
    paths = [path for path in sys.path if path]
    assert subprocess.run([sys.executable, "-S", "-c", script, *paths], check=False).returncode == 0
