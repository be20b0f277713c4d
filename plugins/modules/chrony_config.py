#!/usr/bin/python
# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time sources and the policy of a host's chronyd."""

from __future__ import annotations

DOCUMENTATION = r"""
module: chrony_config
short_description: Declare the time sources and the policy of chronyd, and prove that they are in effect
version_added: 0.1.0
extends_documentation_fragment:
  - softtoken.compliance._attributes
description:
  - Writes what is declared to drop-in files of its own (C(softtoken.sources), C(softtoken.conf), C(softtoken.keys)) in
    the directories that the distribution has for them. Where the main file does not read such a directory, a marked
    block at its end makes it do so. Everything else that the distribution or the administrator configured stays.
  - A task describes the whole managed configuration. What it leaves out is not managed, and chronyd or the
    distribution decides.
  - Before a file is touched, chronyd itself parses all directives that would be in effect, those of C(.sources) files
    included, which C(chronyd -p) does not look at. Configurations that chronyd takes and can never synchronise with
    are refused too.
  - Files are replaced atomically. C(chronyc reload sources) follows where only C(.sources) files changed, a restart
    by systemd or OpenRC where that is not enough. Then the running daemon must show the intended sources. If it does
    not in time, every file and the daemon are put back as they were, and the task fails.
  - A run that finds nothing to change still proves the running daemon, and reloads or restarts it when it has other
    sources.
  - Where chronyd does not run, as in the build of an image, files are written and validated, and nothing is started.
options:
  state:
    description:
      - V(present) puts into effect what is declared.
      - V(absent) removes all that this module ever wrote, and brings back every line that it disabled.
    type: str
    choices: [present, absent]
    default: present
  profile:
    description:
      - Sources that are declared beside O(sources).
      - V(aws) is the Amazon Time Sync Service at its link-local address, for EC2 instances.
      - V(aws-public) is its public pool C(time.aws.com), for machines elsewhere.
      - V(nts) is four public servers with Network Time Security, and O(authselectmode=require).
      - V(custom) is none.
      - The sources of both AWS profiles smear leap seconds. So C(leapsectz) and C(leapseclist), with which chronyd
        would apply a leap second again, are disabled.
    type: str
    choices: [custom, aws, aws-public, nts]
    default: custom
  sources:
    description:
      - The host's time sources. An option that is left out is left to chronyd.
    type: list
    elements: dict
    suboptions:
      address:
        description:
          - Host name, IPv4 or IPv6 address (without brackets, port and scope); for a refclock the parameter of its
            driver, such as C(/dev/ptp_ena).
        type: str
        required: true
      type:
        description: Kind of source.
        type: str
        choices: [server, pool, peer, refclock]
        default: server
      driver:
        description: Driver of a refclock, such as C(PHC), C(PPS), C(SHM) or C(SOCK).
        type: str
      iburst:
        description: Start with a burst of requests.
        type: bool
      burst:
        description: Send bursts of requests where a single one is not enough.
        type: bool
      prefer:
        description: Prefer this source to those without this option.
        type: bool
      noselect:
        description: Measure this source, and never follow it.
        type: bool
      trust:
        description: Take this source to be true, whatever others say.
        type: bool
      require:
        description: Synchronise only when a source with this option is selectable.
        type: bool
      xleave:
        description: Use interleaved mode.
        type: bool
      nts:
        description: Authenticate with Network Time Security. Not for a peer, and not together with O(sources[].key).
        type: bool
      ntsport:
        description: TCP port of the NTS-KE server, from 1 to 65535.
        type: int
      certset:
        description:
          - Set of trusted certificates to use with O(sources[].nts). V(0) is the system's and O(ntstrustedcerts).
          - Others are of use only where the host's own configuration fills them (C(ntstrustedcerts) with the set's
            number), and are refused where it does not.
        type: int
      key:
        description:
          - Authenticate with the symmetric key of this id. It must be in O(keys), or in the host's key file.
          - Not together with O(sources[].nts).
        type: int
      port:
        description: UDP port of the server, from 1 to 65535.
        type: int
      version:
        description: NTP version of requests, from 1 to 4.
        type: int
      minpoll:
        description: Shortest polling interval, as a power of two in seconds, from -7 to 24.
        type: int
      maxpoll:
        description:
          - Longest polling interval, as a power of two in seconds, from -7 to 24, and not below O(sources[].minpoll).
        type: int
      maxsources:
        description: How many servers of a pool to use, from 1 to 16. chronyd uses 4 unless told otherwise.
        type: int
      minsamples:
        description: Smallest number of samples to keep, up to 64.
        type: int
      maxsamples:
        description: Largest number of samples to keep, up to 64; V(0) leaves it at that.
        type: int
      maxdelay:
        description: Ignore measurements with a larger round-trip delay in seconds, up to 1000.
        type: float
      filter:
        description: How many samples a filter reduces to one, from 1 to 64, for a refclock to 256.
        type: int
      offset:
        description: Correction of the source's time in seconds.
        type: float
      refid:
        description: Name of a refclock in reports, of up to four characters.
        type: str
      lock:
        description: The refclock, by its O(sources[].refid), that gives a PPS refclock its seconds.
        type: str
      poll:
        description: Polling interval of a refclock, as a power of two in seconds, from -7 to 24.
        type: int
      dpoll:
        description: Polling interval of a refclock's driver, as a power of two in seconds, from -7 to 24.
        type: int
      delay:
        description: Assumed delay of a refclock in seconds; half of it is its error.
        type: float
      precision:
        description: Precision of a refclock in seconds.
        type: float
      stratum:
        description: Stratum of a refclock, from 0 to 15.
        type: int
      pps:
        description: Treat a refclock as a PPS source.
        type: bool
      tai:
        description: The refclock keeps TAI instead of UTC.
        type: bool
  exclusive:
    description:
      - Whether the declared sources are to be the only ones.
      - Every other line that brings in time (C(server), C(pool), C(peer), C(refclock), C(initstepslew)), anywhere in
        the effective configuration, is disabled by a mark in front of it. For directories that programs write to,
        such as the C(sourcedir) for servers from DHCP, it is the directive that reads them.
      - Lines come back when this becomes V(false), or with O(state=absent).
      - With V(false) other sources stay, except for C(server), C(pool) and C(peer) lines elsewhere that name a declared
        source, whatever their options. These are taken over. They are disabled by the same mark, so that only the
        options declared here count, and come back when the source is no longer declared.
      - Lines in files that programs write (below C(/run), C(/var) and C(/usr)) are not taken over with V(false).
    type: bool
    default: false
  makestep:
    description:
      - When chronyd may step the clock. A directive elsewhere that would override it is disabled; so it is for all
        options below.
    type: dict
    suboptions:
      threshold:
        description: Smallest error in seconds that is stepped.
        type: float
        required: true
      limit:
        description: In how many of the first clock updates; V(-1) for any, V(0) for none.
        type: int
        required: true
  rtcsync:
    description:
      - Let the kernel set the real-time clock every 11 minutes. V(false) disables that.
      - V(true) disables C(rtcfile), as chronyd does not start with both.
    type: bool
  minsources:
    description: How many selectable sources chronyd needs to change the clock, at least 1.
    type: int
  maxclockerror:
    description: Largest frequency error in ppm that the clock may have when nothing corrects it.
    type: float
  leapsecmode:
    description: How a leap second is applied.
    type: str
    choices: [system, step, slew, ignore]
  authselectmode:
    description:
      - How authenticated and other NTP sources go together.
      - V(require) without an authenticated source is refused, since chronyd accepts it and never synchronises.
    type: str
    choices: [require, prefer, mix, ignore]
  ntsdumpdir:
    description: Directory for NTS keys and cookies.
    type: path
  ntstrustedcerts:
    description: Files or directories with certificates that are trusted for NTS beside the system's.
    type: list
    elements: path
  nosystemcert:
    description: Do not trust the system's certificates for NTS.
    type: bool
  nocerttimecheck:
    description:
      - For how many clock updates NTS certificates are not checked for their time. V(1) lets a host with a wrong clock
        get its first time.
    type: int
  keys:
    description:
      - Symmetric keys. They go to a key file of their own that replaces the host's, readable to root and chronyd.
    type: list
    elements: dict
    suboptions:
      id:
        description: Number of the key.
        type: int
        required: true
      type:
        description: Kind of the key.
        type: str
        choices: [MD5, SHA1, SHA256, SHA384, SHA512, SHA3-224, SHA3-256, SHA3-384, SHA3-512, TIGER, WHIRLPOOL, AES128,
          AES256]
        default: SHA256
      value:
        description:
          - The key, as printable ASCII, or C(HEX:) and hexadecimal digits, two for each byte.
          - V(AES128) takes 16 bytes, V(AES256) 32.
        type: str
        required: true
  backup:
    description:
      - Keep a copy of each file of others before it is changed. The module's own files are not copied.
    type: bool
    default: true
  timeout:
    description: For how many seconds the daemon may take, after a reload or a restart, to show the intended sources.
    type: float
    default: 10.0
  config_file:
    description:
      - Main file of chronyd. By default the one that the running service was started with (option C(-f) of chronyd),
        else the distribution's.
    type: path
  chronyc_address:
    description:
      - Where chronyc finds chronyd, as its option C(-h) takes it. By default its own Unix socket.
      - In a chroot nothing is asked by default, since what answers there is the daemon of the system around it.
    type: str
  service_name:
    description:
      - Name of chronyd's service, for a host where it is none of C(chrony), C(chronyd), C(chronyd-restricted).
    type: str
  restart_command:
    description:
      - Command that restarts chronyd, as a list of words, for a host where neither systemd nor OpenRC does.
    type: list
    elements: str
attributes:
  check_mode:
    support: full
    details:
      - Validates too.
  diff_mode:
    support: full
    details:
      - Keys are masked.
  idempotent:
    support: full
  platform:
    support: full
    platforms: posix
requirements:
  - chrony, 4.0 or later for validation by chronyd itself
  - root
notes:
  - chrony before 4.0 has neither C(sourcedir) nor a check of its configuration. Sources then go to the included
    C(softtoken.conf), a change is validated by the restart alone, and sources that are declared by host name cannot be
    told from others in the running daemon.
  - chronyd does not say which options its sources and which values its policy have. The proof is of the sources'
    names and kinds, and with chrony 4.0 or later that chronyd has a usable key for every declared source with
    O(sources[].key). It tells that on its own Unix socket only, whatever O(chronyc_address) is.
  - A restart that was interrupted is caught up on by the next run.
seealso:
  - module: softtoken.compliance.host_facts
  - module: softtoken.compliance.chrony_makestep
  - name: chrony.conf(5)
    description: All directives.
    link: https://chrony-project.org/doc/latest/chrony.conf.html
author:
  - softtoken.compliance contributors (@softtoken)
"""

EXAMPLES = r"""
- name: Follow the Amazon Time Sync Service and nothing else
  softtoken.compliance.chrony_config:
    profile: aws
    exclusive: true
    makestep:
      threshold: 1
      limit: 3
    rtcsync: true
    maxclockerror: 50
  become: true

- name: Three servers of our own, authenticated
  softtoken.compliance.chrony_config:
    sources:
      - {address: ntp1.example.com, iburst: true, key: 1}
      - {address: ntp2.example.com, iburst: true, key: 1}
      - {address: ntp3.example.com, iburst: true, key: 1}
    keys:
      - id: 1
        type: AES256
        value: "{{ ntp_key }}"  # from a vault: HEX: and the 64 digits of 32 bytes
    authselectmode: require
    minsources: 2
    exclusive: true
  become: true

- name: A hardware clock, with a server to fall back to
  softtoken.compliance.chrony_config:
    sources:
      - {type: refclock, driver: PHC, address: /dev/ptp0, poll: 0, delay: 0.00001, prefer: true}
      - {address: ntp1.example.com, iburst: true}
  become: true

- name: Leave chrony as the distribution has it
  softtoken.compliance.chrony_config:
    state: absent
  become: true
"""

RETURN = r"""
action:
  description: What the daemon was made to do, or would be in check mode - V(none), V(reloaded) or V(restarted).
  type: str
  returned: success
  sample: reloaded
sources:
  description:
    - The running daemon's sources, by the name that the configuration gives them. V(null) when it does not run.
    - In check mode those that it has now.
  type: list
  elements: str
  returned: success
  sample: [169.254.169.123]
files:
  description: The files that were changed, created or removed, or would be in check mode.
  type: list
  elements: str
  returned: always
  sample: [/etc/chrony/chrony.conf, /etc/chrony/sources.d/softtoken.sources]
backup_files:
  description: Copies of files of others, with O(backup).
  type: list
  elements: str
  returned: success
  sample: [/etc/chrony/chrony.conf.4711.2026-11-21@12:00:00~]
rolled_back:
  description:
    - Whether files that had been changed, and the daemon, were put back. Only ever V(true) when the task failed.
  type: bool
  returned: always
  sample: false
messages:
  description: What else is worth knowing about the run.
  type: list
  elements: str
  returned: success
  sample: ["chronyd is not running and was not started (506 Cannot talk to daemon)"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.softtoken.compliance.plugins.module_utils._quick_start import quick_start

_OPTIONS = {
    "bool": "burst iburst noselect nts pps prefer require tai trust xleave",
    "int": ("certset dpoll filter maxpoll maxsamples maxsources minpoll minsamples ntsport poll port stratum version"),
    "float": "delay maxdelay offset precision",
    "str": "driver lock refid",
}
SOURCE_SPEC = {
    "address": {"type": "str", "required": True},
    "type": {"type": "str", "choices": ["server", "pool", "peer", "refclock"], "default": "server"},
    "key": {"type": "int", "no_log": False},
    **{name: {"type": kind} for kind, names in _OPTIONS.items() for name in names.split()},
}
KEY_TYPES = [
    "MD5", "SHA1", "SHA256", "SHA384", "SHA512", "SHA3-224", "SHA3-256", "SHA3-384", "SHA3-512", "TIGER", "WHIRLPOOL",
    "AES128", "AES256",
]  # fmt: skip
KEY_SPEC = {
    "id": {"type": "int", "required": True},
    "type": {"type": "str", "choices": KEY_TYPES, "default": "SHA256"},
    "value": {"type": "str", "required": True, "no_log": True},
}
MAKESTEP_SPEC = {"threshold": {"type": "float", "required": True}, "limit": {"type": "int", "required": True}}


def main() -> None:
    """Read the parameters, bring them into effect, report."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "profile": {"type": "str", "choices": ["custom", "aws", "aws-public", "nts"], "default": "custom"},
            "sources": {"type": "list", "elements": "dict", "options": SOURCE_SPEC},
            "exclusive": {"type": "bool", "default": False},
            "makestep": {"type": "dict", "options": MAKESTEP_SPEC},
            "rtcsync": {"type": "bool"},
            "minsources": {"type": "int"},
            "maxclockerror": {"type": "float"},
            "leapsecmode": {"type": "str", "choices": ["system", "step", "slew", "ignore"]},
            "authselectmode": {"type": "str", "choices": ["require", "prefer", "mix", "ignore"]},
            "ntsdumpdir": {"type": "path"},
            "ntstrustedcerts": {"type": "list", "elements": "path"},
            "nosystemcert": {"type": "bool"},
            "nocerttimecheck": {"type": "int"},
            "keys": {"type": "list", "elements": "dict", "options": KEY_SPEC, "no_log": False},
            "backup": {"type": "bool", "default": True},
            "timeout": {"type": "float", "default": 10.0},
            "config_file": {"type": "path"},
            "chronyc_address": {"type": "str"},
            "service_name": {"type": "str"},
            "restart_command": {"type": "list", "elements": "str"},
        },
        supports_check_mode=True,
    )
    quick_start()
    # Not before: hosts compile what they import, on every run.
    from ansible_collections.softtoken.compliance.plugins.module_utils._config_host import ChangeError, change

    try:
        module.exit_json(**change(module))
    except ChangeError as exc:
        module.fail_json(msg=str(exc), rolled_back=exc.rolled_back, files=list(exc.files))


if __name__ == "__main__":
    main()
