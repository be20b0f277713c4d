"""What AWS asks before it deletes a user, and moto does not."""

from __future__ import annotations

from collections.abc import Callable

from .iam_mfa import Call
from .state import State
from .wire import ApiError


class UserCalls:
    """Checks to be made before moto is asked, by API."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.checks: dict[str, list[Callable[[Call], None]]] = {"iam:DeleteUser": [self.delete]}

    def delete(self, call: Call) -> None:
        user = self._state.user(call.target)
        held = (
            (user.mfa_devices, "must delete MFA device first"),
            (user.access_keys, "must delete access keys first"),
            (user.password, "must delete login profile first"),
            (self._state.iam.get_groups_for_user(user.name), "must remove users from group first"),
        )
        for thing, must in held:
            if thing:
                raise ApiError("DeleteConflict", f"Cannot delete entity, {must}.")
        # A name that is used again soon is what EntityTemporarilyUnmodifiable is documented for.
        self._state.note_change(user.name)
