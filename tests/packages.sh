#!/usr/bin/env bash
# The packages of Debian: builds them in a minbase chroot of a suite, has lintian look at them, runs their tests, and has
# tests/install.sh install and purge them in another chroot. Needs root and a package mirror.
# usage: tests/packages.sh bookworm|trixie
#   PACKAGES=FOLDER     the packages are copied there
#   FRESH_DIR=FOLDER    where the chroot is made: nothing yet, or an empty folder (if not given: a new one in /var/tmp)
#   KEEP=1              the chroots stay, with nothing mounted in them
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/chroot.sh"

say "what building takes"
get update
get install build-essential lintian autopkgtest man-db
get build-dep -P nocheck /hibtool

say "building"
in_chroot sh -c 'mkdir /build && cp -r /hibtool /build/hibtool && cd /build/hibtool && dpkg-buildpackage -us -uc -b -Pnocheck'
[ -z "${PACKAGES:-}" ] || { mkdir -p "$PACKAGES" && cp "$dir"/build/*.deb "$PACKAGES"; }

say "lintian"
in_chroot sh -c 'cd /build && lintian --allow-root --fail-on error *.changes'

say "autopkgtest"
in_chroot env DEBIAN_FRONTEND=noninteractive sh -c 'rm -f /build/*dbgsym* && apt-get install -y -q --no-install-recommends /build/*.deb'
in_chroot sh -c 'cd /build/hibtool && autopkgtest . -- null'

say "installing and purging them where nothing is that built them"
env -u FRESH_DIR -u FRESH_INSIDE "$root/tests/install.sh" "$suite" "$dir/build"
