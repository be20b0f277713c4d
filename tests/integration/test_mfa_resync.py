"""Devices with wrong clocks are resynchronised against an AWS that checks codes, and nothing else does them harm."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.mfa_device import AwsRefusal, MfaDevices
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.sign_in import SignIn, clients_of_key
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_resync import ResyncFailure, ResyncPorts
from moto.moto_api._internal import mock_random
from moto.moto_api._internal.models import moto_api_backend

from tests.fakes.aws import ACCOUNT, FakeAws
from tests.fakes.aws.identity import Keys
from tests.fakes.aws.people import SoftToken
from tests.integration.mfa import STEP, MovedClock, codes_sent, held_at_aws, resync, resync_ports, signs_in, until_asked


class Alice(NamedTuple):
    """A user with one virtual device."""

    keys: Keys
    serial: str


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(20.0)


@pytest.fixture(scope="module")
def server() -> Iterator[FakeAws]:
    with FakeAws() as aws:
        yield aws


@pytest.fixture
def aws(server: FakeAws, clock: MovedClock, request: pytest.FixtureRequest) -> FakeAws:
    # Each test's seeds are the same in every run: any two codes may be equal, though once in a million times.
    mock_random.seed(request.node.name)
    moto_api_backend.reset()
    server.forget()
    server.rules.slow_s.clear()
    server.true_time = clock.wall
    return server


@pytest.fixture
def alice(aws: FakeAws) -> Alice:
    return Alice(aws.add_user("alice"), aws.virtual_device("alice"))


@pytest.fixture
def ports(aws: FakeAws, alice: Alice, clock: MovedClock, tmp_path: Path) -> ResyncPorts:
    return resync_ports(aws, alice.keys, tmp_path, clock)


def refused(ports: ResyncPorts, **parameters: Any) -> ResyncFailure:
    with pytest.raises(ResyncFailure) as caught:
        resync(ports, **parameters)
    return caught.value


def by_codes(pair: tuple[str, str]) -> dict[str, Any]:
    return {"code1": pair[0], "code2": pair[1]}


# --- devices whose clock is off --------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset_s", [45.0, 90.0, 600.0, -45.0, -90.0, -600.0])
def test_a_device_with_a_wrong_clock_works_after_its_codes_were_sent_and_not_before(
    aws: FakeAws, alice: Alice, clock: MovedClock, ports: ResyncPorts, offset_s: float
) -> None:
    # With a window of one step, 45 s are too many in one half of each step.
    clock.now += 0.0 if offset_s > 0 else -10.0
    token = aws.soft_token(alice.serial, offset_s)
    for _attempt in range(20):
        assert not signs_in(aws, alice.keys, alice.serial, token.code())
        clock.now += STEP

    result = resync(ports, **by_codes(token.pair()))
    assert (result["changed"], result["verified"]) == (True, False)
    assert alice.serial in result["verification"]

    for _attempt in range(20):
        clock.now += STEP
        assert signs_in(aws, alice.keys, alice.serial, token.code())


def test_a_soft_token_whose_host_was_put_right_is_resynchronised_by_its_seed_and_tried(
    aws: FakeAws, alice: Alice, clock: MovedClock, ports: ResyncPorts
) -> None:
    aws.device(alice.serial).drift = 20  # as it was learned while the host was ten minutes fast
    token = aws.soft_token(alice.serial)
    assert not signs_in(aws, alice.keys, alice.serial, token.code())
    aws.forget()

    result = resync(ports, seed=aws.seed(alice.serial))
    assert (result["changed"], result["verified"]) == (True, True)
    assert result["waited_s"] == sum(clock.waits) <= 62
    assert len(clock.waits) == 2  # it sleeps and does not look again and again
    assert (aws.count("iam:ResyncMFADevice"), aws.count("sts:GetSessionToken")) == (1, 1)
    assert aws.device(alice.serial).drift == 0

    clock.now += STEP
    assert signs_in(aws, alice.keys, alice.serial, token.code())


@pytest.mark.parametrize("second", [0.0, 1.0, 15.0, 29.9])
def test_codes_are_consecutive_and_sent_early_whenever_it_is_started(
    aws: FakeAws, alice: Alice, clock: MovedClock, ports: ResyncPorts, second: float
) -> None:
    clock.now += second - 20.0
    token = aws.soft_token(alice.serial)
    sent: list[tuple[float, tuple[str, str]]] = []

    class Watched(MfaDevices):
        def resync(self, user: str, serial: str, code1: str, code2: str) -> None:
            sent.append((clock.now % STEP, (code1, code2)))
            assert (code1, code2) == token.pair()
            ports.devices.resync(user, serial, code1, code2)

    watched = Watched(lambda service, **options: aws.client(service, keys=alice.keys, **options), "us-east-1")
    assert resync(ports._replace(devices=watched), seed=token.base32)["verified"]
    assert [0.0 < at < 10.0 for at, _codes in sent] == [True]


def test_no_code_is_ever_sent_twice(aws: FakeAws, alice: Alice, ports: ResyncPorts) -> None:
    for _run in range(3):
        assert resync(ports, seed=aws.seed(alice.serial))["verified"]
    sent = codes_sent(aws)
    assert len(sent) == len(set(sent)) == 9


def test_a_hardware_token_is_a_device_like_any_other(aws: FakeAws, clock: MovedClock, tmp_path: Path) -> None:
    keys = aws.add_user("bob")
    serial = aws.hardware_device("bob", "GALT12345678")
    token = aws.soft_token(serial, 600.0)
    assert resync(resync_ports(aws, keys, tmp_path, clock), **by_codes(token.pair()))["serial"] == serial
    clock.now += STEP
    assert signs_in(aws, keys, serial, token.code())


# --- codes that are no pair ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pair",
    [
        lambda token: (token.code(0), token.code(-1)),
        lambda token: (token.code(-2), token.code(0)),
        lambda _token: ("000000", "111111"),
    ],
    ids=["swapped", "one apart", "invented"],
)
def test_codes_that_are_no_pair_change_nothing_and_are_sent_once(
    aws: FakeAws, alice: Alice, clock: MovedClock, ports: ResyncPorts, pair: Callable[[SoftToken], tuple[str, str]]
) -> None:
    token = aws.soft_token(alice.serial)
    failure = refused(ports, **by_codes(pair(token)))
    assert failure.result["cause"] == "not_consecutive"
    assert failure.result["changed"] is False
    assert "changed nothing" in str(failure)
    assert "new code" in failure.result["next_step"]
    assert aws.count("iam:ResyncMFADevice") == 1
    clock.now += STEP
    assert signs_in(aws, alice.keys, alice.serial, token.code())
    clock.now += 2 * STEP
    assert resync(ports, **by_codes(token.pair()))["changed"]


def test_a_replay_is_refused_here_before_aws_sees_it(aws: FakeAws, alice: Alice, ports: ResyncPorts) -> None:
    pair = aws.soft_token(alice.serial, 90.0).pair()
    resync(ports, **by_codes(pair))
    for again in (pair, (pair[1], pair[0]), (pair[1], "123456")):
        failure = refused(ports, **by_codes(again))
        assert failure.result["cause"] == "replay"
        assert "Nothing was sent" in str(failure)
    assert aws.count("iam:ResyncMFADevice") == 1


def test_a_replay_from_another_host_is_refused_by_aws_and_does_no_harm(
    aws: FakeAws, alice: Alice, clock: MovedClock, ports: ResyncPorts, tmp_path: Path
) -> None:
    token = aws.soft_token(alice.serial, 90.0)
    resync(ports, **by_codes(token.pair()))
    other = resync_ports(aws, alice.keys, tmp_path / "other", clock)
    failure = refused(other, **by_codes(token.pair()))
    assert (failure.result["cause"], failure.result["changed"]) == ("not_consecutive", False)
    clock.now += STEP
    assert signs_in(aws, alice.keys, alice.serial, token.code())


def test_late_codes_are_taken_and_nobody_is_told_that_it_works(
    aws: FakeAws, alice: Alice, clock: MovedClock, ports: ResyncPorts
) -> None:
    token = aws.soft_token(alice.serial)
    pair = token.pair()
    clock.now += 4 * STEP
    result = resync(ports, **by_codes(pair))
    assert result["verified"] is False
    assert "came too late: run this again with fresh ones" in result["verification"]
    clock.now += STEP
    assert not signs_in(aws, alice.keys, alice.serial, token.code())
    assert resync(ports, **by_codes(token.pair()))["changed"]
    clock.now += STEP
    assert signs_in(aws, alice.keys, alice.serial, token.code())


def slow(ports: ResyncPorts, clock: MovedClock, by_s: float) -> ResyncPorts:
    """Let the codes arrive later than they were sent."""

    class Slow(MfaDevices):
        def __init__(self) -> None:
            """Uses the other's calls."""

        def resync(self, user: str, serial: str, code1: str, code2: str) -> None:
            clock.now += by_s
            ports.devices.resync(user, serial, code1, code2)

    made = Slow()
    made.caller = ports.devices.caller  # type: ignore[method-assign]
    made.list_user_devices = ports.devices.list_user_devices  # type: ignore[method-assign]
    return ports._replace(devices=made)


def test_codes_of_our_own_that_arrive_late_are_found_out_by_the_third(
    aws: FakeAws, alice: Alice, clock: MovedClock, ports: ResyncPorts
) -> None:
    seed = aws.seed(alice.serial)
    failure = refused(slow(ports, clock, 95.0), seed=seed)
    assert failure.result["cause"] == "late"
    assert (failure.result["changed"], failure.result["verified"]) == (True, False)
    assert resync(ports, seed=seed)["verified"]


def test_a_host_that_oversleeps_sends_later_codes_and_no_late_ones(
    aws: FakeAws, alice: Alice, clock: MovedClock, ports: ResyncPorts
) -> None:
    late = iter([60.0])

    def wait(seconds: float) -> None:
        clock.wait(seconds + next(late, 0.0))

    assert resync(ports._replace(wait=wait), seed=aws.seed(alice.serial))["verified"]
    assert aws.count("iam:ResyncMFADevice") == 1
    assert aws.device(alice.serial).drift == 0


def test_a_clock_that_is_set_back_and_back_while_it_waits_ends_the_run(
    aws: FakeAws, alice: Alice, ports: ResyncPorts
) -> None:
    failure = refused(ports._replace(wait=lambda _seconds: None), seed=aws.seed(alice.serial))
    assert failure.result["cause"] == "host_clock"
    assert codes_sent(aws) == []


# --- users and serials -----------------------------------------------------------------------------------------------


def test_a_user_that_is_not_there_is_named(aws: FakeAws, ports: ResyncPorts) -> None:
    failure = refused(ports, user="alcie", code1="123456", code2="654321")
    assert failure.result["cause"] == "no_user"
    assert "no user alcie" in str(failure)
    assert codes_sent(aws) == []


def test_root_is_refused_with_the_way_to_go(aws: FakeAws, ports: ResyncPorts) -> None:
    for parameters in ({"user": "root"}, {"serial": f"arn:aws:iam::{ACCOUNT}:mfa/root-account-mfa-device"}):
        failure = refused(ports, code1="123456", code2="654321", **parameters)
        assert "in the console" in str(failure)
    assert codes_sent(aws) == []


def test_the_device_of_another_user_is_refused_with_the_right_one(
    aws: FakeAws, alice: Alice, ports: ResyncPorts
) -> None:
    aws.add_user("bob")
    other = aws.virtual_device("bob")
    failure = refused(ports, serial=other, **by_codes(aws.soft_token(other).pair()))
    assert failure.result["cause"] == "not_owned"
    assert f"{other} is a device of bob, not of alice" in str(failure)
    assert alice.serial in failure.result["next_step"]
    assert codes_sent(aws) == []


def test_a_stale_serial_is_refused_with_the_right_one(aws: FakeAws, alice: Alice, ports: ResyncPorts) -> None:
    for stale in ("Alice", "team/alice", "alicee", "old-telephone"):
        failure = refused(ports, serial=f"arn:aws:iam::{ACCOUNT}:mfa/{stale}", code1="123456", code2="654321")
        assert failure.result["cause"] == "wrong_serial"
        assert "does not exist any more, or never did" in str(failure)
        assert alice.serial in failure.result["next_step"]
    assert codes_sent(aws) == []


def test_a_stale_serial_is_refused_though_the_inventory_may_not_be_read(aws: FakeAws, ports: ResyncPorts) -> None:
    aws.deny("iam:ListVirtualMFADevices")
    failure = refused(ports, serial=f"arn:aws:iam::{ACCOUNT}:mfa/old", code1="123456", code2="654321")
    assert "cannot be said: iam:ListVirtualMFADevices: AccessDenied" in str(failure)


def test_an_unassigned_device_is_refused(aws: FakeAws, ports: ResyncPorts) -> None:
    serial = aws.virtual_device(None, "spare")
    failure = refused(ports, serial=serial, code1="123456", code2="654321")
    assert (failure.result["cause"], codes_sent(aws)) == ("not_owned", [])
    assert "assigned to nobody" in str(failure)


def test_a_fido_key_is_refused_with_the_reason(aws: FakeAws, clock: MovedClock, tmp_path: Path) -> None:
    bob = aws.add_user("bob")
    key = aws.fido_device("bob")
    for parameters in ({"serial": key}, {}):
        failure = refused(resync_ports(aws, bob, tmp_path, clock), code1="123456", code2="654321", **parameters)
        assert "never is out of step" in str(failure)
    # Beside a device that gives codes it is not meant.
    token = aws.virtual_device("bob")
    by_default = resync(resync_ports(aws, bob, tmp_path, clock), **by_codes(aws.soft_token(token).pair()))
    assert by_default["serial"] == token


def test_with_several_devices_the_serial_has_to_be_said(aws: FakeAws, alice: Alice, ports: ResyncPorts) -> None:
    second = aws.virtual_device("alice", "tablet")
    failure = refused(ports, code1="123456", code2="654321")
    assert alice.serial in str(failure)
    assert second in str(failure)
    assert resync(ports, serial=second, **by_codes(aws.soft_token(second, 90.0).pair()))["serial"] == second


# --- clock, check mode, refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("offset_s", "says"), [(5.0, "is wrong"), (-600.0, "is wrong"), (None, "not known")])
def test_no_codes_are_made_with_a_clock_that_is_not_known_to_be_right(
    aws: FakeAws, alice: Alice, clock: MovedClock, tmp_path: Path, offset_s: float | None, says: str
) -> None:
    ports = resync_ports(aws, alice.keys, tmp_path, clock, offset_s=offset_s)
    seed = aws.seed(alice.serial)
    failure = refused(ports, seed=seed)
    assert (failure.result["cause"], codes_sent(aws)) == ("host_clock", [])
    assert says in str(failure)
    assert failure.result["clock"]["offset_s"] == offset_s
    # Codes that come from elsewhere need no clock here.
    assert resync(ports, **by_codes(aws.soft_token(alice.serial).pair()))["changed"]
    clock.now += 2 * STEP
    assert resync(ports, seed=seed, clock_check=False)["verified"]


def test_check_mode_says_what_would_be_done_and_sends_nothing(
    aws: FakeAws, alice: Alice, clock: MovedClock, ports: ResyncPorts, tmp_path: Path
) -> None:
    pair = aws.soft_token(alice.serial, 90.0).pair()
    said = resync(ports, check_mode=True, **by_codes(pair))
    assert said["changed"]
    assert f"codes would be sent for {alice.serial}" in said["verification"]
    said = resync(ports, check_mode=True, seed=aws.seed(alice.serial))
    assert "sent in 12 s" in said["verification"]
    assert (codes_sent(aws), clock.waits, list(tmp_path.iterdir())) == ([], [], [])
    resync(ports, **by_codes(pair))
    with pytest.raises(ResyncFailure, match="counts once"):
        resync(ports, check_mode=True, **by_codes(pair))
    with pytest.raises(ResyncFailure, match="no user"):
        resync(ports, check_mode=True, user="nobody", **by_codes(pair))


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("AccessDenied", "denied"),
        ("ConcurrentModification", "busy"),
        ("EntityTemporarilyUnmodifiable", "busy"),
        ("LimitExceeded", "limit"),
        ("NoSuchEntity", "not_owned"),
        ("ServiceFailure", "no_answer"),
        ("Throttling", "throttled"),
        ("SomethingNew", "unknown"),
    ],
)
def test_a_refusal_is_explained_and_never_repeated(
    aws: FakeAws, alice: Alice, ports: ResyncPorts, code: str, cause: str
) -> None:
    aws.deny("iam:ResyncMFADevice", code=code, status=500 if code == "ServiceFailure" else 400)
    failure = refused(ports, **by_codes(aws.soft_token(alice.serial).pair()))
    assert (failure.result["cause"], failure.result["changed"]) == (cause, False)
    assert f"iam:ResyncMFADevice: {code}" in str(failure)
    assert aws.count("iam:ResyncMFADevice") == 1


def test_a_user_who_may_not_list_their_devices_is_told_what_is_missing(
    aws: FakeAws, alice: Alice, ports: ResyncPorts
) -> None:
    aws.deny("iam:ListMFADevices")
    failure = refused(ports, serial=alice.serial, code1="123456", code2="654321")
    assert failure.result["cause"] == "denied"
    assert "may not call iam:ListMFADevices" in str(failure)


def test_an_answer_that_was_lost_is_settled_by_the_third_code(
    aws: FakeAws, alice: Alice, clock: MovedClock, ports: ResyncPorts
) -> None:
    class Lossy(MfaDevices):
        def resync(self, user: str, serial: str, code1: str, code2: str) -> None:
            super().resync(user, serial, code1, code2)
            raise AwsRefusal("ResyncMFADevice", "ReadTimeoutError", "Read timeout on endpoint URL")

    lossy = Lossy(lambda service, **options: aws.client(service, keys=alice.keys, **options), "us-east-1")
    aws.device(alice.serial).drift = 20
    result = resync(ports._replace(devices=lossy), seed=aws.seed(alice.serial))
    assert (result["changed"], result["verified"]) == (True, True)
    clock.now += 2 * STEP
    failure = refused(ports._replace(devices=lossy), **by_codes(aws.soft_token(alice.serial).pair()))
    assert failure.result["cause"] == "no_answer"


def test_who_cannot_try_a_code_says_so(aws: FakeAws, alice: Alice, clock: MovedClock, tmp_path: Path) -> None:
    operator = resync_ports(aws, None, tmp_path, clock)
    result = resync(operator, user="alice", seed=aws.seed(alice.serial))
    assert (result["changed"], result["verified"]) == (True, False)
    assert "Only the user's own access key can try a code" in result["verification"]
    assert "came too late" not in result["verification"]  # nobody typed any
    assert f"--serial-number {alice.serial}" in result["verification"]


def test_an_administrator_who_has_the_users_key_tries_the_code_with_it(
    aws: FakeAws, alice: Alice, clock: MovedClock, tmp_path: Path
) -> None:
    def with_key(keys: Keys) -> SignIn:
        factory = clients_of_key(keys.access_key_id, keys.secret_access_key, endpoint_url=aws.endpoint, verify=None)
        return SignIn(factory, "us-east-1")

    operator = resync_ports(aws, None, tmp_path, clock)._replace(user_sign_in=with_key(alice.keys))
    assert resync(operator, user="alice", seed=aws.seed(alice.serial))["verified"]
    wrong = operator._replace(user_sign_in=with_key(aws.add_user("bob")))
    result = resync(wrong, user="alice", seed=aws.seed(alice.serial))
    assert (result["changed"], result["verified"]) == (True, False)
    assert "no device" in result["verification"]


def test_a_third_code_that_cannot_be_tried_leaves_it_unverified(aws: FakeAws, alice: Alice, ports: ResyncPorts) -> None:
    aws.throttle("sts:GetSessionToken", 9)
    result = resync(ports, seed=aws.seed(alice.serial))
    assert (result["changed"], result["verified"]) == (True, False)
    assert "A third could not be tried" in result["verification"]
    assert aws.count("sts:GetSessionToken") == 1


def test_the_seed_of_another_device_is_told_from_a_wrong_clock(aws: FakeAws, alice: Alice, ports: ResyncPorts) -> None:
    failure = refused(ports, seed=aws.seed(aws.virtual_device(None, "other")), serial=alice.serial)
    assert failure.result["cause"] == "wrong_seed"
    assert aws.count("iam:ResyncMFADevice") == 1


# --- two at once -----------------------------------------------------------------------------------------------------


def at_once(runs: list[Callable[[], dict[str, Any]]]) -> list[str]:
    """Run all at the same moment; gives the cause of each failure, "" for success."""
    start = threading.Barrier(len(runs))
    causes: list[str] = []

    def one(run: Callable[[], dict[str, Any]]) -> None:
        start.wait()
        try:
            run()
        except ResyncFailure as failure:
            causes.append(failure.result["cause"])
        else:
            causes.append("")

    threads = [threading.Thread(target=one, args=[run]) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(causes)


def test_of_two_on_one_host_one_works_and_one_is_told_why_not(
    aws: FakeAws, alice: Alice, ports: ResyncPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = aws.soft_token(alice.serial, 600.0)
    first, second = token.pair(), token.pair(5)
    with held_at_aws(aws, monkeypatch) as let_go, ThreadPoolExecutor() as threads:
        running = threads.submit(lambda: resync(ports, **by_codes(first)))
        until_asked(aws)
        failure = refused(ports, **by_codes(second))
        let_go.set()
        assert running.result()["changed"]
    assert failure.result["cause"] == "busy"
    assert "Another run on this host works on" in str(failure)
    assert aws.count("iam:ResyncMFADevice") == 1


def test_nobody_gets_between_the_two_codes_and_the_third(
    aws: FakeAws, alice: Alice, clock: MovedClock, ports: ResyncPorts
) -> None:
    token = aws.soft_token(alice.serial, 600.0)
    refusals: list[str] = []

    def wait(seconds: float) -> None:
        refusals.append(refused(ports, **by_codes(token.pair())).result["cause"])
        clock.wait(seconds)

    assert resync(ports._replace(wait=wait), seed=token.base32)["verified"]
    assert refusals == ["busy", "busy"]


def test_of_two_with_the_same_codes_on_two_hosts_one_works_and_one_is_told_why_not(
    aws: FakeAws, alice: Alice, clock: MovedClock, tmp_path: Path
) -> None:
    aws.rules.slow_s["iam:ResyncMFADevice"] = 0.2
    token = aws.soft_token(alice.serial, 600.0)
    pair = token.pair()
    hosts = [resync_ports(aws, alice.keys, tmp_path / name, clock) for name in "ab"]
    causes = at_once([lambda host=host: resync(host, **by_codes(pair)) for host in hosts])  # type: ignore[misc]
    assert causes in (["", "busy"], ["", "not_consecutive"])
    clock.now += STEP
    assert signs_in(aws, alice.keys, alice.serial, token.code())
