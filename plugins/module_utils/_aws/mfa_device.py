# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that read and change the MFA devices of one user.

Private to this collection. Reading and removing is sent again by botocore where AWS throttles or the way breaks. A call
that carries codes is sent once and never again, since a code counts once. So is one that creates a device: its answer
has the seed, and when that is lost, the second call finds the name taken and the device looks like somebody else's.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError

from .session import ClientFactory, Failure, Session, api_name, failure_of, failures
from .shape import moment

__all__ = ["AwsRefusal", "Caller", "Device", "MfaDevices", "New", "User", "answer_of"]

_ATTEMPTS = 5
_HIDDEN = "******"


class AwsRefusal(IamError):
    """A call that AWS refused, or that did not reach it. ``operation`` is "EnableMFADevice", ``code`` AWS's own."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        self.operation = operation
        self.code = code
        self.message = message
        super().__init__(f"{operation} failed: {code}: {message}")


class User(NamedTuple):
    """An IAM user."""

    name: str
    arn: str
    id: str
    path: str


class Device(NamedTuple):
    """A device. ``user`` and ``enabled_at`` (ISO 8601, UTC) are "" for a virtual one that is nobody's."""

    serial: str
    user: str = ""
    enabled_at: str = ""


class Caller(NamedTuple):
    """Who signs the calls. ``user`` is "" unless it is an IAM user, or a session of one.

    ``long_term`` is whether an access key of the user's own signs, rather than a session, which may hold MFA.
    """

    arn: str
    account: str
    user: str
    long_term: bool


class New(NamedTuple):
    """A virtual device just created. The seed (base32, as AWS gives it) and the QR code are never given again."""

    serial: str
    seed: str
    qr_png: bytes

    def __repr__(self) -> str:
        """Name the device and nothing else: what is printed of it by mistake is no secret."""
        return f"New(serial={self.serial!r})"


class MfaDevices:
    """The devices of an account, through clients with the caller's credentials."""

    def __init__(self, factory: ClientFactory, region: str) -> None:
        """``factory`` is AnsibleAWSModule.client, or what makes clients alike."""
        self._patient = Session(factory, region=region, workers=1, attempts=_ATTEMPTS)
        self._once = Session(factory, region=region, workers=1, attempts=1)

    # --- reading

    def get_user(self, name: str) -> User:
        """Return a user."""
        user = self._call("get_user", UserName=name)["User"]
        return User(user["UserName"], user["Arn"], user["UserId"], user["Path"])

    def list_user_devices(self, user: str) -> List[Device]:
        """Return the devices of every kind that are enabled for a user."""
        found = self._all("list_mfa_devices", "MFADevices", UserName=user)
        return [Device(one["SerialNumber"], one["UserName"], moment(one["EnableDate"])) for one in found]

    def list_virtual(self, status: str = "Any") -> Iterator[Device]:
        """Give the account's virtual devices; ``status`` is Any, Assigned or Unassigned."""
        for one in self._all("list_virtual_mfa_devices", "VirtualMFADevices", AssignmentStatus=status):
            yield _virtual(one)

    def find(self, serial: str) -> Optional[Device]:
        """Return a virtual device by its serial; None when the account has none such."""
        return next((device for device in self.list_virtual() if device.serial == serial), None)

    def tags(self, serial: str) -> Dict[str, str]:
        """Return the tags of a virtual device."""
        return {tag["Key"]: tag["Value"] for tag in self._all("list_mfa_device_tags", "Tags", SerialNumber=serial)}

    def caller(self) -> Caller:
        """Ask who signs."""
        client = self._patient.client("sts")
        signed: List[bool] = []

        def look(request: Any, **_event: Any) -> None:
            signed.append(any(name.lower() == "x-amz-security-token" for name in request.headers))

        client.meta.events.register("before-send.sts.GetCallerIdentity", look)
        try:
            answer = answer_of(client, "get_caller_identity", {})
        finally:
            client.meta.events.unregister("before-send.sts.GetCallerIdentity", look)
        kind, _slash, rest = answer["Arn"].rpartition(":")[2].partition("/")
        user = rest.rpartition("/")[2] if kind == "user" else ""
        return Caller(answer["Arn"], answer["Account"], user, long_term=not any(signed))

    # --- changing

    def create_virtual(self, name: str, *, path: str = "/", tags: Optional[Mapping[str, str]] = None) -> New:
        """Create a virtual device that is nobody's yet."""
        more = {"Tags": _pairs(tags)} if tags else {}
        parameters = {"VirtualMFADeviceName": name, "Path": path, **more}
        made = answer_of(self._once.client("iam"), "create_virtual_mfa_device", parameters)
        device = made["VirtualMFADevice"]
        return New(device["SerialNumber"], str(device["Base32StringSeed"], "ascii"), device["QRCodePNG"])

    def enable(self, user: str, serial: str, code1: str, code2: str) -> None:
        """Associate a device with a user."""
        self._with_codes("enable_mfa_device", user, serial, code1, code2)

    def resync(self, user: str, serial: str, code1: str, code2: str) -> None:
        """Have AWS learn how far a device's clock is off."""
        self._with_codes("resync_mfa_device", user, serial, code1, code2)

    def deactivate(self, user: str, serial: str) -> None:
        """Dissociate a device from its user; a virtual one stays in the account."""
        self._call("deactivate_mfa_device", UserName=user, SerialNumber=serial)

    def delete(self, serial: str) -> None:
        """Delete a virtual device that is nobody's."""
        self._call("delete_virtual_mfa_device", SerialNumber=serial)

    def tag(self, serial: str, tags: Mapping[str, str]) -> None:
        """Set tags of a virtual device, beside those it has."""
        self._call("tag_mfa_device", SerialNumber=serial, Tags=_pairs(tags))

    def untag(self, serial: str, keys: Iterable[str]) -> None:
        """Remove tags of a virtual device."""
        self._call("untag_mfa_device", SerialNumber=serial, TagKeys=sorted(keys))

    # --- how

    def _call(self, method: str, **parameters: Any) -> Any:
        return answer_of(self._patient.client("iam"), method, parameters)

    def _all(self, method: str, key: str, **parameters: Any) -> Iterator[Any]:
        """Follow Marker by hand: botocore does not know that tags come in pages."""
        while True:
            page = self._call(method, **parameters)
            yield from page[key]
            if not page.get("IsTruncated"):
                return
            parameters["Marker"] = page["Marker"]

    def _with_codes(self, method: str, user: str, serial: str, code1: str, code2: str) -> None:
        parameters = {
            "UserName": user,
            "SerialNumber": serial,
            "AuthenticationCode1": code1,
            "AuthenticationCode2": code2,
        }
        answer_of(self._once.client("iam"), method, parameters, hidden=(code1, code2))


def answer_of(client: Any, method: str, parameters: Dict[str, Any], hidden: Iterable[str] = ()) -> Any:
    """Call a method of a client; what is ``hidden`` is in no error. Raises AwsRefusal."""
    call: Callable[..., Any] = getattr(client, method)
    failed: Optional[Failure] = None
    try:
        return call(**parameters)
    except failures() as exc:
        failed = failure_of(exc, api_name(client, method))
    # Outside of the handler: what botocore raised may hold the codes, and would travel on as the context.
    raise _refusal(failed, hidden)


def _refusal(failure: Failure, hidden: Iterable[str]) -> AwsRefusal:
    """AWS repeats a malformed value in its answer: codes are taken out."""
    message = failure.message
    for secret in hidden:
        message = message.replace(secret, _HIDDEN) if secret else message
    return AwsRefusal(failure.api.partition(":")[2], failure.code, message)


def _virtual(one: Mapping[str, Any]) -> Device:
    user = one.get("User") or {}
    arn = str(user.get("Arn", ""))
    # Root has an ARN and no name.
    name = str(user.get("UserName") or arn.rpartition(":")[2].rpartition("/")[2])
    enabled_at = moment(one["EnableDate"]) if one.get("EnableDate") and user else ""
    return Device(one["SerialNumber"], name, enabled_at)


def _pairs(tags: Mapping[str, str]) -> List[Dict[str, str]]:
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]
