# Sourced by samples/demo.sh and tests/run.sh: installs what debian/control lists and is missing, and builds.
# Nothing outside the source tree's build folder and the package manager is written.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$root/build

# Everything temporary stays in the build folder.
export TMPDIR=$build/tmp
mkdir -p "$TMPDIR"

say() { printf '\n== %s\n' "$*"; }

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# setup_packages PROFILES: PROFILES is "nocheck" to leave out what only the tests need.
setup_packages() {
	if command -v dpkg-checkbuilddeps >/dev/null && (cd "$root" && dpkg-checkbuilddeps ${1:+-P"$1"} 2>/dev/null); then
		return
	fi
	say "installing what debian/control lists"
	export DEBIAN_FRONTEND=noninteractive
	as_root apt-get update -q
	# build-dep on a folder takes no build profile, so it gets a control file without the packages of other profiles.
	local folder
	folder=$(mktemp -d "$TMPDIR/hibtool-deps-XXXXXX")
	mkdir "$folder/debian"
	if [ "${1:-}" = nocheck ]; then
		grep -v '<!nocheck>' "$root/debian/control" >"$folder/debian/control"
	else
		sed 's/ <!nocheck>//' "$root/debian/control" >"$folder/debian/control"
	fi
	(cd "$folder" && as_root apt-get build-dep -y -q --no-install-recommends ./)
	rm -rf "$folder"
}

# setup_build PRESET TESTS(ON|OFF)
setup_build() {
	say "building (preset $1)"
	(cd "$root" && cmake --preset "$1" -DHIBTOOL_TESTS="$2" >"$build/build.log" 2>&1 && cmake --build --preset "$1" >>"$build/build.log" 2>&1) || {
		tail -40 "$build/build.log" >&2
		echo "the build failed; all of it is in $build/build.log" >&2
		return 1
	}
}
