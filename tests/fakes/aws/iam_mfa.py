"""IAM's calls about MFA devices.

Texts of errors are AWS's own where they are public. Those of EntityTemporarilyUnmodifiable, ConcurrentModification and
of the rule that changing one's devices takes an MFA session are not: only their codes are to be relied on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .identity import Caller
from .qr import qr_png
from .state import ACCOUNT, State, no_device
from .wire import ApiError, Asked, members

Result = dict[str, Any]


class Call(NamedTuple):
    asked: Asked
    caller: Caller

    def get(self, name: str) -> str:
        return str(self.asked.parameters.get(name, ""))

    @property
    def target(self) -> str:
        """The user a call is about: the caller's own when it names none."""
        return self.get("UserName") or self.caller.user


class DeviceCalls:
    """The handlers, by API."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.handlers: dict[str, Callable[[Call], Result]] = {
            "iam:CreateVirtualMFADevice": self.create,
            "iam:DeleteVirtualMFADevice": self.delete,
            "iam:EnableMFADevice": self.enable,
            "iam:DeactivateMFADevice": self.deactivate,
            "iam:ResyncMFADevice": self.resync,
            "iam:GetMFADevice": self.get,
            "iam:TagMFADevice": self.tag,
            "iam:UntagMFADevice": self.untag,
            "iam:ListMFADeviceTags": self.list_tags,
        }

    def create(self, call: Call) -> Result:
        path, name = call.get("Path") or "/", call.get("VirtualMFADeviceName")
        serial = f"arn:aws:iam::{ACCOUNT}:mfa{path}{name}"
        tags = _tags(call)
        if "//" in path:
            raise ApiError("ValidationError", "The specified value for path is invalid: no part of it may be empty.")
        # AWS compares names without case.
        if any(serial.lower() == known.lower() for known in self._state.iam.virtual_mfa_devices):
            raise ApiError("EntityAlreadyExists", "MFADevice entity at the same path and name already exists.")
        device = self._state.iam.create_virtual_mfa_device(name, path)
        device.qr_code_png = qr_png(f"{name}@{ACCOUNT}", device.base32_string_seed)
        self._state.forget_device(serial)
        self._state.tags[serial] = tags
        seed = device.base32_string_seed.encode()
        made: Result = {"SerialNumber": serial, "Base32StringSeed": seed, "QRCodePNG": device.qr_code_png}
        if tags:
            made["Tags"] = _listed(tags)
        return {"VirtualMFADevice": made}

    def delete(self, call: Call) -> Result:
        serial = call.get("SerialNumber")
        with self._changing(call):
            if serial not in self._state.iam.virtual_mfa_devices:
                raise no_device(serial)
            if self._state.iam.virtual_mfa_devices[serial].user is not None:
                raise ApiError("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.")
            self._state.iam.delete_virtual_mfa_device(serial)
            self._state.forget_device(serial)
        return {}

    def enable(self, call: Call) -> Result:
        name, serial = call.target, call.get("SerialNumber")
        with self._changing(call):
            user = self._state.user(name)
            self._refuse_without_mfa(call, name)
            self._state.refuse_unsettled(name)
            device = self._state.device(serial)
            if device is None or device.seed is None:
                raise no_device(serial)
            if self._state.holder(serial):
                raise ApiError("EntityAlreadyExists", "MFA Device is already in use.")
            limit = self._state.rules.device_limit
            if len(user.mfa_devices) >= limit:
                raise ApiError("LimitExceeded", f"Cannot exceed quota for MFADevicesPerUser: {limit}")
            self._learn(call, serial)
            self._state.assign(name, serial)
            self._state.note_change(name)
        return {}

    def deactivate(self, call: Call) -> Result:
        name, serial = call.target, call.get("SerialNumber")
        with self._changing(call):
            self._state.user(name)
            self._refuse_without_mfa(call, name)
            self._state.held(name, serial)
            self._state.refuse_unsettled(name)
            self._state.iam.deactivate_mfa_device(name, serial)
            self._state.note_change(name)
        return {}

    def resync(self, call: Call) -> Result:
        with self._changing(call):
            device = self._state.held(call.target, call.get("SerialNumber"))
            if device.seed is None:
                raise no_device(device.serial)
            self._learn(call, device.serial)
        return {}

    def get(self, call: Call) -> Result:
        """Takes FIDO keys only, as its page says; which error others get is not public."""
        serial = call.get("SerialNumber")
        if ":u2f/" not in serial:
            raise ApiError("ValidationError", "SerialNumber must be the ARN of a FIDO security key.", 400)
        holder = self._state.holder(serial)
        if not holder or holder != (call.target or holder):
            raise no_device(serial)
        enabled = self._state.iam.users[holder].mfa_devices[serial].enable_date
        certifications = {"FIDO": "L1"}
        return {"UserName": holder, "SerialNumber": serial, "EnableDate": enabled, "Certifications": certifications}

    def tag(self, call: Call) -> Result:
        tags = {**self._tags_of(call), **_tags(call)}
        if len(tags) > 50:
            raise ApiError("LimitExceeded", "Cannot exceed quota for TagsPerMFADevice: 50")
        self._state.tags[call.get("SerialNumber")] = tags
        return {}

    def untag(self, call: Call) -> Result:
        tags = self._tags_of(call)
        for key in members(call.asked.parameters, "TagKeys"):
            tags.pop(key[""], None)
        return {}

    def list_tags(self, call: Call) -> Result:
        return {"Tags": _listed(self._tags_of(call)), "IsTruncated": False}

    def _changing(self, call: Call) -> Any:
        return self._state.changing(call.get("SerialNumber"), self._state.rules.slow_s.get(call.asked.api, 0.0))

    def _learn(self, call: Call, serial: str) -> None:
        device = self._state.device(serial)
        codes = call.get("AuthenticationCode1"), call.get("AuthenticationCode2")
        now, reach = self._state.true_time(), self._state.rules.reach
        if device is None or not device.learn(*codes, now, reach):
            raise ApiError("InvalidAuthenticationCode", "Authentication code for device is not valid.")

    def _refuse_without_mfa(self, call: Call, target: str) -> None:
        """Since April 2023: who has a device and signs with keys needs an MFA session to change their own devices."""
        caller = call.caller
        if caller.user == target and caller.mfa_at is None and self._state.user(target).mfa_devices:
            action = call.asked.api
            message = f"User: {caller.arn} is not authorized to perform: {action} on resource: user {target}"
            raise ApiError("AccessDenied", f"{message} without MFA authentication")

    def _tags_of(self, call: Call) -> dict[str, str]:
        serial = call.get("SerialNumber")
        if serial not in self._state.iam.virtual_mfa_devices:
            raise no_device(serial)
        return self._state.tags.setdefault(serial, {})


def _tags(call: Call) -> dict[str, str]:
    tags = [(tag["Key"], tag.get("Value", "")) for tag in members(call.asked.parameters, "Tags")]
    if len({key.lower() for key, _value in tags}) < len(tags):
        raise ApiError("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    return dict(tags)


def _listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
