# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each rule of the audit means and what to do about it, for code scanning. Private to this collection.

The same sentences as in docs/rules.md, in Markdown: a test compares.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["RULE_HELP", "RuleHelp"]


class RuleHelp(NamedTuple):
    """One rule for people."""

    meaning: str
    action: str


RULE_HELP: dict[str, RuleHelp] = {
    "MFA-S01": RuleHelp(
        (
            "A policy, profile or file of this account names a virtual device that the account does not have, "
            "so codes for it are refused."
        ),
        "Name the device that replaced it, or take the reference out.",
    ),
    "MFA-S02": RuleHelp(
        "A hardware token, FIDO key or SMS device is named that no user holds.", "Name the user's present device."
    ),
    "MFA-S03": RuleHelp(
        "The device exists and nobody has enabled it, so nobody can authenticate with it.",
        "Enable it for its user, or delete it and name the right one.",
    ),
    "MFA-S04": RuleHelp(
        (
            "The device is somebody else's than the profile's or the statement's subject: AWS takes codes only "
            "of one's own devices."
        ),
        "Name a device of the subject.",
    ),
    "MFA-S05": RuleHelp(
        "No device has exactly this serial, and one differs only by case, path or a few letters.",
        "Take the serial that the message suggests.",
    ),
    "MFA-S06": RuleHelp(
        (
            "The device would be in another account or partition. Whether it exists is unknown from here; it is"
            " never called stale."
        ),
        "Check it against that account.",
    ),
    "MFA-S07": RuleHelp(
        "A user's ARN, a bare name or other text stands where a serial belongs.",
        "Take the serial from `aws iam list-mfa-devices`.",
    ),
    "MFA-S08": RuleHelp(
        "The CLI and STS ask for a six-digit code, and a FIDO key makes none.",
        "Enrol a virtual or hardware device for the profile.",
    ),
    "MFA-S09": RuleHelp(
        "A policy by which users manage their own devices names one particular device.",
        "Write `mfa/*` there, and limit what acts on users to `user/${aws:username}`.",
    ),
    "MFA-S10": RuleHelp(
        (
            "EnableMFADevice, ResyncMFADevice and others act on the user. With an MFA device as Resource the "
            "statement does nothing."
        ),
        "Write `user/${aws:username}` as Resource.",
    ),
    "MFA-S11": RuleHelp(
        (
            "Devices have names of their own since November 2022. With `mfa/${aws:username}` all others fail to"
            " be created: the user's second device, and the one the console asks a name for. AWS's own example "
            "of self-management said so until then; what it says now (`mfa/*`) is not reported."
        ),
        "Write `mfa/*`.",
    ),
    "MFA-S12": RuleHelp(
        "An MFA device never makes a request, so the statement never applies.",
        "Name the user, and require MFA with `Bool`.",
    ),
    "MFA-S13": RuleHelp(
        (
            "The CLI and SDKs ask for a code only where the profile itself has `mfa_serial`; without it the "
            "role refuses."
        ),
        "Add `mfa_serial` to the profile.",
    ),
    "MFA-S14": RuleHelp(
        "Somebody still uses a device that the account does not have.",
        "Correct the caller's configuration, and find out who removed the device.",
    ),
    "MFA-C01": RuleHelp(
        (
            "`aws:MultiFactorAuthAge` is a number of seconds. An ARN, text, date or address operator on it "
            "never matches (or always, when negated or with IfExists): a dead Allow locks everybody out, a dead"
            " Deny enforces nothing. Critical in a Deny."
        ),
        "Use `Bool` on `aws:MultiFactorAuthPresent`, and `NumericLessThan` on the age.",
    ),
    "MFA-C02": RuleHelp(
        "`aws:MultiFactorAuthPresent` is a Boolean. Medium where a text comparison works by accident.",
        "Use `Bool` with `true` or `false`.",
    ),
    "MFA-C03": RuleHelp(
        "Requests signed with access keys do not carry the key, so the Deny passes them by.", "Use `BoolIfExists`."
    ),
    "MFA-C04": RuleHelp(
        ("With IfExists an Allow holds where the key is absent: access keys need no MFA. Critical in a trust policy."),
        "Use the operator without IfExists.",
    ),
    "MFA-C05": RuleHelp(
        "The Deny stops those who used MFA, or the Allow lets in those who did not.", "Turn the value round."
    ),
    "MFA-C06": RuleHelp(
        (
            "A session without MFA carries the key too, as `false`. `Null` on `aws:MultiFactorAuthAge` is right"
            " and is not reported."
        ),
        "Use `Bool`, `BoolIfExists` in a Deny, or `Null` on the age.",
    ),
    "MFA-C07": RuleHelp(
        "`ForAllValues` is true for an absent key, and access keys carry none.", "Use the operator without it."
    ),
    "MFA-C08": RuleHelp(
        (
            "A key that does not exist is never there; a key that is written twice in different case is one "
            "key. Whatever names MFA without being one of the two keys counts (`aws:MultiFactorAuthenticated`, "
            "`aws:MFAPresent`); tags and the claims of identity providers do not."
        ),
        "Correct it.",
    ),
    "MFA-C09": RuleHelp(
        "The age is whole seconds, at most 129600 (36 hours).", "Write the number of seconds that was meant."
    ),
    "MFA-C10": RuleHelp(
        "The age exists only with MFA, so requests without MFA pass this Deny.",
        "Use `NumericGreaterThanIfExists`, or deny the absence of MFA as well.",
    ),
    "MFA-C11": RuleHelp(
        "One value of the list is enough; `true` and `false` together test nothing.", "Keep one value."
    ),
    "MFA-C12": RuleHelp(
        (
            "MFA and, for example, a service principal, `aws:ViaAWSService`, or an `aws:PrincipalArn` of roles "
            "alone: the statement never applies."
        ),
        "Divide it into two statements.",
    ),
    "MFA-T01": RuleHelp(
        (
            "A person of this account or of another can assume the role with access keys alone. High where the "
            "role is privileged, or the whole of another account is trusted. Roles of services, federation, AWS"
            " itself and IAM Identity Center are left out."
        ),
        "Add `Bool aws:MultiFactorAuthPresent true` to the trust policy.",
    ),
    "MFA-T02": RuleHelp(
        "Statements of a policy add up: one without MFA voids the condition of the other.",
        "Add the condition to it, or take it out.",
    ),
    "MFA-T03": RuleHelp(
        "Services, federated users and role sessions carry no MFA, so nobody can assume the role this way.",
        "Take the condition away there, or trust people.",
    ),
    "MFA-T04": RuleHelp(
        (
            "Whatever was used to assume a role, its sessions carry no MFA: in its own policies an Allow never "
            "applies, and a Deny always may."
        ),
        "Ask for MFA in the role's trust policy.",
    ),
    "MFA-T05": RuleHelp(
        (
            "`AIDA...` or `AROA...` is what is left of a deleted user or role. One made again under the same "
            "name is not trusted."
        ),
        "Name the new one, or take the entry out.",
    ),
    "MFA-T06": RuleHelp(
        "MFA is asked of a user who has no device, or none that makes codes.", "Enrol a virtual or hardware device."
    ),
    "MFA-T07": RuleHelp(
        "Whoever administers the other account can make MFA devices there at will.",
        "Ask for `sts:ExternalId`, or list the account in `trusted_accounts`.",
    ),
    "MFA-G01": RuleHelp(
        (
            "Whoever has a user's access keys can take that user's MFA away, or somebody else's. All policies "
            "of a user are judged together, within the permissions boundary and under the service control "
            "policies that are in force for the account. What it depends on besides (another key, a boundary "
            "that was not read, a policy of an organizational unit) the message says."
        ),
        "Require MFA for DeactivateMFADevice and DeleteVirtualMFADevice.",
    ),
    "MFA-G02": RuleHelp(
        (
            "The Deny stops what a user needs to enrol or resynchronise a device (a lockout), or it leaves out "
            "so much that it protects nothing. It may stand in a policy of the user, in the boundary or in a "
            "service control policy. To leave out resynchronisation alone, with administrators who enrol, is "
            "one of AWS's own examples and is not reported."
        ),
        "Leave out exactly what the AWS example leaves out.",
    ),
    "MFA-G03": RuleHelp("A policy for managing oneself reaches other users.", "Limit it to `user/${aws:username}`."),
    "MFA-G04": RuleHelp(
        "Role sessions carry no MFA and are stopped too; with `Bool` access keys are not stopped at all.",
        "Use `BoolIfExists`, limited to `aws:PrincipalArn` like `arn:*:iam::*:user/*`.",
    ),
    "MFA-G05": RuleHelp(
        (
            "A user who has no device can enrol a first one with access keys alone, and then has what MFA "
            "gives. A boundary or a service control policy that stops either keeps it quiet."
        ),
        "Have an administrator enrol first devices.",
    ),
    "MFA-G06": RuleHelp(
        ("One of the managed rules on MFA is not set up. The rules on root do not exist in GovCloud and China."),
        "Set it up.",
    ),
    "MFA-G07": RuleHelp(
        (
            "The metric filter is missing, has no alarm or nobody subscribed, is misspelt, or counts sign-ins "
            "of IAM Identity Center."
        ),
        "Repair what the message names.",
    ),
    "MFA-D01": RuleHelp(
        "Root has no MFA at all, or only a device whose seed lies on a phone or computer.",
        "Enrol a hardware device for root.",
    ),
    "MFA-D02": RuleHelp(
        "A console user without MFA; medium for a user with access keys only whose policies demand MFA.",
        "Enrol a device.",
    ),
    "MFA-D03": RuleHelp(
        "A virtual device that nobody has enabled. Its seed may be in more hands than one.", "Delete it."
    ),
    "MFA-D04": RuleHelp(
        ("One device and no spare, or eight and no room to replace one. High for SMS, which AWS has withdrawn."),
        "Enrol a second one.",
    ),
    "MFA-D05": RuleHelp(
        (
            "One user's codes are refused again and again: drift. Many users': a host's clock or a changed "
            "policy. `unable to validate`: a wrong serial."
        ),
        "Compare clocks, then resynchronise; or correct the serial.",
    ),
    "MFA-D06": RuleHelp(
        "The seed of a device is in a Terraform state, a text file or a picture.",
        "Replace the device, and delete the file.",
    ),
    "MFA-D07": RuleHelp("The corrected policy would be larger than IAM takes.", "Shorten the policy by hand first."),
}
