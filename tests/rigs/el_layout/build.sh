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

# What is compiled in differs: where the configuration lies. The new path is as long as the old one and ends as it does,
# since other strings of the program may be the end of this one. (Whom chronyd runs as, its sysconfig file says.)
theirs=/etc/chrony/chrony.conf
ours=/etc////////chrony.conf
chronyd=debian/chrony/usr/sbin/chronyd
sed -i "s|$theirs|$ours|" "$chronyd"
[ "$(grep --count --text --fixed-strings "$ours" "$chronyd")" = 1 ] || { echo "$chronyd does not name $theirs once" >&2; exit 1; }

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
# Nothing of Debian's own package management is left to be found: neither programs, nor units, nor data.
dpkg-query --listfiles apt dpkg debconf | sort --reverse --unique >debian-files
while read -r path; do
  [ -d "$path" ] || rm -f "$path"
done <debian-files
find /etc/systemd /var/lib/systemd \( -name 'apt-*' -o -name 'dpkg-*' \) -delete
rm -rf /etc/apt /etc/dpkg /etc/debian_version /var/lib/apt /var/lib/dpkg /var/cache/apt

# The double's chronyd must never touch the machine's clock. chrony's package takes this file over as it is; the unit's
# conditions ask for a right that -x does not need.
install -D -m 644 "$here/chronyd.sysconfig" /etc/sysconfig/chronyd
install -D -m 644 "$here/container.conf" /etc/systemd/system/chronyd.service.d/container.conf
rm -rf "$work"
