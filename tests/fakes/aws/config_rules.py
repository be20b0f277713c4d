"""What AWS Config answers, and moto does not."""

from __future__ import annotations

from moto.config.models import config_backends

from .iam_mfa import Call
from .state import ACCOUNT
from .wire import ApiError


def named_rules_exist(call: Call) -> None:
    """Refuse to describe a rule that there is not; moto answers with an empty list."""
    backend = config_backends[ACCOUNT][call.asked.region]
    for name in call.asked.parameters.get("ConfigRuleNames") or ():
        if name not in backend.config_rules:
            message = f"The ConfigRule '{name}' provided in the request is invalid. Please check the configRule name."
            raise ApiError("NoSuchConfigRuleException", message)


CHECKS = {"config:DescribeConfigRules": [named_rules_exist]}
