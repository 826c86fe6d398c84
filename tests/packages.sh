#!/usr/bin/env bash
# The packages of Debian: builds them in a minbase chroot of a suite, has lintian look at them, installs them, runs their
# tests, and purges them, after which nothing of them may be left. Needs root and a package mirror.
# usage: tests/packages.sh bookworm|trixie
#   PACKAGES=FOLDER     the packages are copied there
#   FRESH_DIR=FOLDER    where the chroot is made: nothing yet, or an empty folder (if not given: a new one in /var/tmp)
#   KEEP=1              the chroot stays, with nothing mounted in it
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/chroot.sh"

get() { in_chroot env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends "$@"; }

# Files and links, without what apt, dpkg, Python, and DKMS for its own key write.
list() {
	in_chroot find / -xdev \( -path /proc -o -path /run -o -name __pycache__ -o -path '/var/lib/dkms/mok.*' -o -path /sys -o -path /dev -o -path /tmp -o -path /hibtool -o -path /build -o -path /var/log \
		-o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg \) -prune -o ! -type d -print | sort
}

say "what building takes"
get update
get install build-essential lintian autopkgtest man-db
get build-dep -P nocheck /hibtool

say "building"
in_chroot sh -c 'mkdir /build && cp -r /hibtool /build/hibtool && cd /build/hibtool && dpkg-buildpackage -us -uc -b -Pnocheck'
[ -z "${PACKAGES:-}" ] || { mkdir -p "$PACKAGES" && cp "$dir"/build/*.deb "$PACKAGES"; }

say "lintian"
in_chroot sh -c 'cd /build && lintian --allow-root --fail-on error *.changes'

say "what the packages and their tests need from Debian"  # autopkgtest leaves what it installs
get install dkms initramfs-tools jq linux-headers-amd64 linux-image-amd64 pkg-config systemd
list >"$dir/tmp/before"

say "installing"
in_chroot sh -c 'rm -f /build/*dbgsym*'
in_chroot env DEBIAN_FRONTEND=noninteractive sh -c 'apt-get install -y -q --no-install-recommends /build/*.deb'

say "autopkgtest"
in_chroot sh -c 'cd /build/hibtool && autopkgtest . -- null'

say "purging"
in_chroot env DEBIAN_FRONTEND=noninteractive sh -c 'apt-get purge -y -q $(dpkg-query -W -f "\${binary:Package}\n" | grep -E "hibtool")'
get autoremove --purge
list >"$dir/tmp/after"
diff "$dir/tmp/before" "$dir/tmp/after"
say "$suite: the packages come and go"
