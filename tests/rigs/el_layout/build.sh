#!/bin/sh
# Runs inside a fresh Debian root and makes it a layout double of Amazon Linux 2023: its package manager, its paths, its
# unit and its user, out of Debian's binaries. tests/rigs/el_layout/README.md says what that proves, and what not.
set -eu
here=$(dirname "$0")
repository=/srv/packages
work=$(mktemp -d)
cd "$work"
mkdir debian

# --- packages: Debian's binaries, as RPMs that lie where EL's do -----------------------------------------------------

apt-get -qq -o APT::Sandbox::User=root download chrony python3-psutil
for archive in *.deb; do
  dpkg-deb -x "$archive" "debian/${archive%%_*}"
done

# What is compiled in differs: where the configuration lies, and whom chronyd runs as. The shorter strings keep their place.
chronyd=debian/chrony/usr/sbin/chronyd
python3 - "$chronyd" <<'PYTHON'
import pathlib, sys

path = pathlib.Path(sys.argv[1])
program = path.read_bytes()
for theirs, ours in ((b"/etc/chrony/chrony.conf", b"/etc/chrony.conf"), (b"_chrony", b"chrony")):
    literal = b"\0" + theirs + b"\0"
    if program.count(literal) != 1:
        sys.exit(f"{path} has {theirs!r} {program.count(literal)} times: this recipe knows one")
    program = program.replace(literal, b"\0" + ours.ljust(len(theirs), b"\0") + b"\0")
path.write_bytes(program)
PYTHON

mkdir -p "$repository"
for spec in "$here"/*.spec; do
  rpmbuild --quiet -bb --define "_topdir $work/rpm" --define "_rpmdir $repository" --define "here $here" \
    --define "debian $work/debian" --define '__os_install_post %{nil}' --define '_buildhost double' "$spec"
done
createrepo_c --quiet "$repository"

# --- the system --------------------------------------------------------------------------------------------------------

# Debian keeps each user's own database of RPMs; elsewhere the system has one.
echo '%_dbpath /var/lib/rpm' >/usr/lib/rpm/macros.d/macros.layout-double
dnf --quiet --assumeyes --releasever=2023 --nogpgcheck --repofrompath="local,file://$repository" install system-release >/dev/null
ln -sf dnf /usr/bin/yum
# Nothing of Debian's own package management is left to be found: not its programs, not its data, not its Python library.
dpkg-query --listfiles apt dpkg debconf | while read -r path; do
  case "$path" in
    /usr/bin/* | /usr/sbin/* | /sbin/*) rm -f "$path" ;;
  esac
done
rm -f /etc/systemd/system/timers.target.wants/apt-* /etc/systemd/system/timers.target.wants/dpkg-* /usr/lib/systemd/system/apt-* \
  /usr/lib/systemd/system/dpkg-*
rm -rf /etc/apt /etc/dpkg /etc/debian_version /usr/lib/apt /usr/lib/dpkg /var/lib/apt /var/lib/dpkg /var/cache/apt /usr/share/dpkg

# The double's chronyd must never touch the machine's clock. chrony's package takes this file over as it is; the unit's
# conditions ask for a right that -x does not need.
install -D -m 644 "$here/chronyd.sysconfig" /etc/sysconfig/chronyd
install -D -m 644 "$here/container.conf" /etc/systemd/system/chronyd.service.d/container.conf
rm -rf "$work"
