# A minbase chroot of a Debian suite, with what is committed here in /hibtool: for scripts that source this. It takes the
# script's arguments, of which the first one is the suite, and leaves the others. Needs root and a package mirror.
# What it offers: say TEXT, die TEXT, in_chroot COMMAND..., get ARGUMENT OF apt-get...; $root; $suite; $dir, where the chroot is.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$(basename "$0")

usage() { sed -n '/^# usage:/,/^[^#]/s/^# //p' "$0" >&2; exit 64; }
say() { printf '\n== %s\n' "$*"; }
die() { echo "$program: $*" >&2; exit 2; }

case ${1:-} in bookworm | trixie) suite=$1 ;; *) usage ;; esac
[ "$(id -u)" = 0 ] || die "a chroot can only be made by root"

# In a mount namespace of its own nothing stays mounted whatever ends this script, so that nobody deletes /dev through a
# chroot that was left behind.
[ -n "${FRESH_INSIDE:-}" ] || FRESH_INSIDE=1 exec unshare --mount --propagation private bash "$0" "$@"
shift

dir=${FRESH_DIR:-$(mktemp -d "/var/tmp/hibtool-fresh-$suite-XXXXXX")}
mkdir -p "$dir"
dir=$(realpath "$dir")
case $dir in / | *[[:space:]\\]*) die "$dir: not a folder for a chroot" ;; esac  # /proc/mounts would write such a name otherwise
[ -z "$(ls -A "$dir")" ] || die "$dir: there is something in it"
chmod 755 "$dir"  # apt fetches as a user of its own

# What is mounted below the chroot, the innermost first.
mounted() { awk -v below="$dir/" 'index($2, below) == 1 { print $2 }' /proc/self/mounts | tac; }

# The processes in the chroot. An interrupted apt leaves dpkg behind, which has a session of its own.
inside() {
	local process
	for process in /proc/[0-9]*; do
		[ "$(readlink "$process/root")" != "$dir" ] || echo "${process#/proc/}"
	done
}

clean_up() {
	local target process
	for process in $(inside); do
		kill -KILL "$process" || true
	done
	for _ in {1..50}; do
		[ -z "$(inside)" ] || sleep 0.1
	done
	for target in $(mounted); do
		umount "$target" || true
	done
	if [ -n "$(mounted)" ]; then
		echo "$program: $dir stays: something is still mounted in it" >&2
	elif [ "${KEEP:-0}" = 1 ]; then
		say "the chroot stays in $dir"
	else
		rm -rf --one-file-system "$dir"
	fi
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

command -v debootstrap >/dev/null || {
	say "installing debootstrap"
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends debootstrap
}

# From where this machine's apt takes Debian, and how. Hooks of other packages would miss them in the chroot, so only the
# settings of fetching go into it; debootstrap, which does not ask apt, is told of the proxy.
# shellcheck disable=SC2016  # apt, not the shell, fills in $(REPO_URI)
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | sed -n 1p)
mirror=${mirror:-http://deb.debian.org/debian}
proxy=$(apt-config dump --format '%v%n' Acquire::http::Proxy | sed -n 1p)
[ -z "$proxy" ] || export http_proxy=$proxy

say "a chroot of $suite in $dir, from $mirror"
debootstrap --variant=minbase "$suite" "$dir" "$mirror" >"$dir/debootstrap.log" 2>&1 || { tail -n 20 "$dir/debootstrap.log" >&2; die "debootstrap failed"; }
apt-config dump Acquire >"$dir/etc/apt/apt.conf.d/99host"
cp /etc/resolv.conf "$dir/etc/resolv.conf"
mount -t proc proc "$dir/proc"
mount -t sysfs sysfs "$dir/sys"
mount --bind /dev "$dir/dev"
mount --bind /dev/pts "$dir/dev/pts"
mount -t tmpfs tmpfs "$dir/dev/shm"
mkdir "$dir/hibtool"
git -C "$root" archive HEAD | tar -x -C "$dir/hibtool"

# Nothing of this shell's environment but what says how to fetch and how much to do at once.
in_chroot() {
	local name kept=()
	for name in http_proxy https_proxy no_proxy TERM CMAKE_BUILD_PARALLEL_LEVEL CTEST_PARALLEL_LEVEL; do
		[ -z "${!name:-}" ] || kept+=("$name=${!name}")
	done
	env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin HIBTOOL_SKIP_VM="${HIBTOOL_SKIP_VM:-1}" "${kept[@]}" chroot "$dir" "$@"
}

get() { in_chroot env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends "$@"; }
