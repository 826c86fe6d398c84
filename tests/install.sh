#!/usr/bin/env bash
# The packages of Debian where nothing is that built them: installs them in a minbase chroot of a suite, runs what is in
# them, and purges them, after which the chroot has to be what it was. Needs root and a package mirror.
# usage: tests/install.sh bookworm|trixie FOLDER
#   FOLDER              has the packages; tests/packages.sh makes them
#   FRESH_DIR=FOLDER    where the chroot is made: nothing yet, or an empty folder (if not given: a new one in /var/tmp)
#   KEEP=1              the chroot stays, with nothing mounted in it
# shellcheck disable=SC2016  # in what is quoted so, the shell in the chroot fills in the names
set -euo pipefail
packages=$(realpath "${2:?the folder of the packages is missing}")
. "$(dirname "${BASH_SOURCE[0]}")/chroot.sh"

# Packages, files with their sums, folders, links, and what is in each initramfs; without what apt, dpkg, Python, and
# DKMS for its own key write. DKMS goes without making the initramfs anew, so its settings stay in there.
state() {
	in_chroot dpkg-query -W -f '${db:Status-Abbrev} ${binary:Package}\n'
	in_chroot find / -xdev \( -path /proc -o -path /run -o -path /sys -o -path /dev -o -path /tmp -o -path /hibtool -o -path /packages -o -path /var/log \
		-o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg -o -name __pycache__ -o -path '/var/lib/dkms/mok.*' \) -prune \
		-o -type f ! -name 'initrd.img-*' -exec sha256sum {} + -o ! -type f -printf '%p %l\n' | sort
	in_chroot sh -c 'for image in /boot/initrd.img-*; do
		[ ! -e "$image" ] || { rm -rf /tmp/unpacked && unmkinitramfs "$image" /tmp/unpacked && cd /tmp/unpacked &&
			find . -path "*/etc/modprobe.d/dkms.conf" -o -type f -exec sha256sum {} + -o ! -type f -printf "%p %l\n" | sort | sed "s|^|$image |"; }
	done'
}
purge() {
	get purge "$@"
	get autoremove --purge -o APT::AutoRemove::SuggestsImportant=0  # apt suggests dpkg-dev, which recommends a compiler
	state | diff "$dir/tmp/before" - || die "purging leaves the machine different from what it was"
}
run_test() {
	say "debian/tests/$1"
	in_chroot sh -c 'AUTOPKGTEST_TMP=$(mktemp -d) && export AUTOPKGTEST_TMP && exec "/hibtool/debian/tests/$1"' sh "$1"
}

touch "$dir/etc/hosts"  # otherwise a package of Debian makes one, which stays
mkdir "$dir/packages"
for name in hibtool hibtool-dkms hibtool-hibernate libhibtool0 python3-hibtool; do
	cp "$packages/${name}"_*.deb "$dir/packages/$name.deb"
done
get update
state >"$dir/tmp/before"

say "hibtool alone"
get install /packages/hibtool.deb
in_chroot hibtool --version
in_chroot hibtool inspect /hibtool/samples/debian-6.1-cloud.hib
in_chroot hibtool verify /hibtool/samples/debian-6.1-cloud.hib
if in_chroot dpkg -L hibtool | grep -E '/systemd/|/init\.d/|/modules/|/src/|\.ko'; then
	die "hibtool alone brings a service or a module"
fi
if in_chroot dpkg-query -W systemd dkms kmod 2>/dev/null | grep .; then
	die "hibtool alone depends on what services or modules take"
fi

say "the library and its Python module"
get install /packages/libhibtool0.deb /packages/python3-hibtool.deb
run_test python
say "purging them"
purge hibtool libhibtool0 python3-hibtool

say "a machine: kernel, initramfs, systemd, GRUB"
get install grub2-common initramfs-tools linux-image-amd64 systemd
# A chroot has no device that GRUB could find.
in_chroot sh -c 'printf "#!/bin/sh\necho ext2\n" >/usr/sbin/grub-probe && mkdir -p /boot/grub && update-grub'
state >"$dir/tmp/before"

say "hibtool-hibernate"
get install linux-headers-amd64 /packages/hibtool.deb /packages/hibtool-dkms.deb /packages/hibtool-hibernate.deb
in_chroot grep crashkernel=192M /boot/grub/grub.cfg
in_chroot ls -l /etc/systemd/system/multi-user.target.wants/hibtool-arm.service
run_test module
run_test hibernate

say "a target, as arming leaves it"
in_chroot sh -ec 'fallocate -l 64M /hibernation
	sed -i "s|^TARGET=.*|TARGET=/hibernation|" /etc/hibtool.conf
	mkdir /var/lib/hibtool
	printf "DEVICE=/dev/disk/by-uuid/0\nOFFSET=4096\nDRIVERS=\"ahci sd_mod\"\n" | tee /var/lib/hibtool/place >/var/lib/hibtool/known
	echo MODULES=list >/etc/initramfs-tools/conf.d/modules  # no driver that nobody asked for
	update-initramfs -u -k all
	lsinitramfs /boot/initrd.img-* >/tmp/list
	grep -x etc/hibtool.place /tmp/list
	grep "/ahci\.ko" /tmp/list
	rm /etc/initramfs-tools/conf.d/modules'
say "purging it"
in_chroot rm /hibernation
purge hibtool-hibernate hibtool-dkms hibtool 'linux-headers-*'
say "$suite: the packages come and go"
