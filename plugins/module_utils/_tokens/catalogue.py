# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that make TOTP codes, or hand them on, and the traces each of them leaves on a Linux host.

Private to this collection. One entry a program; add one here and it is looked for everywhere. A name that means
something else on other hosts stays out (RHEL's upgrade tool is called ``leapp`` too).
"""

from __future__ import annotations

from typing import NamedTuple, Tuple

__all__ = ["CATALOGUE", "PAM_DIRECTORIES", "TokenProgram"]

PAM_DIRECTORIES = ("/etc/pam.d", "/usr/lib/pam.d")


class TokenProgram(NamedTuple):
    """How one program shows itself.

    ``programs`` are its executables, and the names its processes have; flatpak calls both by the application's id.
    ``packages`` are names in dpkg's, apk's or pacman's database. RPM's is binary: there the executables tell.
    ``configuration`` holds paths relative to a home directory, ``system`` absolute ones: only whether they exist is
    looked at, they may hold seeds. ``pam`` is a module that /etc/pam.d may name. ``subcommand``: the program is
    evidence only when a running process has this first argument (pass without otp keeps passwords, not tokens).
    """

    kind: str
    programs: Tuple[str, ...] = ()
    packages: Tuple[str, ...] = ()
    configuration: Tuple[str, ...] = ()
    system: Tuple[str, ...] = ()
    pam: str = ""
    subcommand: str = ""


CATALOGUE: Tuple[TokenProgram, ...] = (
    # Command line generators
    TokenProgram("oathtool", ("oathtool",), ("oathtool", "oath-toolkit", "oath-toolkit-oathtool")),
    TokenProgram(
        "pass-otp",
        ("pass",),
        ("pass-otp", "pass-extension-otp"),
        (".password-store/.extensions/otp.bash",),
        ("/usr/lib/password-store/extensions/otp.bash", "/usr/local/lib/password-store/extensions/otp.bash"),
        subcommand="otp",
    ),
    TokenProgram("gauth", ("gauth",), configuration=(".config/gauth.csv",)),
    TokenProgram("2fa", ("2fa",), configuration=(".2fa",)),
    TokenProgram("totp-cli", ("totp-cli",), ("totp-cli",), (".config/totp-cli",)),
    TokenProgram("totp", ("totp",)),
    TokenProgram("cotp", ("cotp",), ("cotp",), (".cotp/db.cotp", ".local/share/cotp/db.cotp")),
    # Password managers that make codes
    TokenProgram(
        "keepassxc",
        ("keepassxc", "keepassxc-cli", "org.keepassxc.KeePassXC"),
        ("keepassxc", "keepassxc-minimal", "keepassxc-full"),
        (".config/keepassxc", ".var/app/org.keepassxc.KeePassXC", "snap/keepassxc"),
    ),
    TokenProgram("1password-cli", ("op",), ("1password-cli",), (".config/op", ".op")),
    TokenProgram("bitwarden-cli", ("bw",), ("bitwarden-cli",), (".config/Bitwarden CLI", "snap/bw")),
    TokenProgram("rbw", ("rbw", "rbw-agent"), ("rbw",), (".config/rbw",)),
    TokenProgram("gopass", ("gopass",), ("gopass",), (".config/gopass",)),
    # AWS helpers that ask for a code or make it
    TokenProgram("aws-vault", ("aws-vault",), ("aws-vault",), (".awsvault",)),
    TokenProgram(
        "awsume",
        ("awsume", "awsumepy", "autoawsume"),
        ("awsume",),
        (".awsume/config.yaml", ".config/awsume/config.yaml"),
    ),
    TokenProgram("aws-mfa", ("aws-mfa",), ("aws-mfa",)),
    TokenProgram("leapp", configuration=(".Leapp/Leapp-lock.json",)),
    # Desktop authenticators
    TokenProgram(
        "gnome-authenticator",
        ("authenticator", "com.belmoussaoui.Authenticator"),
        ("gnome-authenticator",),
        (".var/app/com.belmoussaoui.Authenticator",),
    ),
    TokenProgram(
        "otpclient",
        ("otpclient", "otpclient-cli", "com.github.paolostivanin.OTPClient"),
        ("otpclient", "otpclient-cli"),
        (".config/otpclient.cfg", ".config/otpclient", ".var/app/com.github.paolostivanin.OTPClient"),
    ),
    TokenProgram("numberstation", ("numberstation", "org.postmarketos.Numberstation"), ("numberstation",)),
    TokenProgram(
        "ente-auth",
        ("enteauth", "ente_auth", "io.ente.auth"),
        ("enteauth",),
        (".local/share/ente_auth", ".var/app/io.ente.auth"),
    ),
    TokenProgram("authy", ("authy",), configuration=(".config/Authy Desktop", "snap/authy")),
    # Hardware that has no clock: the host's time makes the code
    TokenProgram("ykman", ("ykman",), ("yubikey-manager",)),
    TokenProgram("yubico-authenticator", ("yubioath-desktop", "com.yubico.yubioath"), ("yubioath-desktop",)),
    TokenProgram("nitrokey-authenticator", ("NitrokeyAuthenticator",), ("nitrokey-authenticator",)),
    # The verifying side on this host: a wrong clock refuses good codes
    TokenProgram(
        "google-authenticator-pam",
        ("google-authenticator",),
        ("libpam-google-authenticator", "google-authenticator"),
        (".google_authenticator",),
        pam="pam_google_authenticator.so",
    ),
    TokenProgram("oath-pam", packages=("libpam-oath",), system=("/etc/users.oath",), pam="pam_oath.so"),
)
