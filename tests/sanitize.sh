#!/usr/bin/env bash
# Builds the program and the library with the thread sanitizer, then with those of addresses and undefined behaviour, and
# runs the tests of mounted images and of the library with each. Fails also on what a sanitizer says in a process that no
# test waits for. usage: sanitize.sh [tsan | asan | library]
# "library" is the part of it that ctest runs: the library alone, with the sanitizers of addresses and undefined behaviour
# and beside the program of the ordinary build.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)

# PRESET FOLDER TARGET...: a file for each folder, and -O1: it is done in a fifth of the time
build() {
	local preset=$1 folder=$2
	shift 2
	mkdir -p "$folder"
	(
		cd "$source" &&
		cmake --preset "$preset" -B "$folder" -DHIBTOOL_TESTS=ON -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=0 -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 -g1" &&
		cmake --build "$folder" --target "$@"
	) >"$folder/build.log" 2>&1 || { tail -40 "$folder/build.log"; exit 1; }
}

# NAME FOLDER SANITIZERS TEST...
run() {
	local name=$1 folder=$2 said failed=0 tests
	said=$(mktemp -d)
	# With less history the stacks that the suppressions name are lost on a busy machine.
	export TSAN_OPTIONS=log_path=$said/log:history_size=7:suppressions=$source/tests/support/tsan.suppressions
	export ASAN_OPTIONS=log_path=$said/log
	export UBSAN_OPTIONS=log_path=$said/log:print_stacktrace=1
	export LIBHIBTOOL=$folder/libhibtool.so.0 TEST_ABI=$folder/tests/test_abi HIBTOOL_BUILD=$folder HIBTOOL_SANITIZE=$3
	shift 3
	for tests in "$@"; do
		echo "$name: $tests"
		/usr/bin/python3 "$source/tests/$tests.py" || failed=1
	done
	[ -z "$(ls "$said")" ] || { cat "$said"/* && failed=1; }
	rm -r "$said"
	[ $failed = 0 ] || exit 1
	echo "$name: nothing was found"
}

[ $# -gt 0 ] || set -- tsan asan
for what in "$@"; do
	case $what in
	tsan) # without Python: the interpreter would have to be built with it
		build tsan "$source/build-tsan" hibtool libhibtool test_abi
		HIBTOOL=$source/build-tsan/hibtool run tsan "$source/build-tsan" thread cli/test_mount abi/test_abi
		;;
	asan)
		build asan "$source/build-asan" hibtool libhibtool test_abi
		HIBTOOL=$source/build-asan/hibtool run asan "$source/build-asan" address,undefined cli/test_mount abi/test_abi abi/test_python
		;;
	library)
		folder=${HIBTOOL_BUILD:-$source/build}/asan
		build asan "$folder" libhibtool test_abi
		run library "$folder" address,undefined abi/test_abi abi/test_python
		;;
	*) echo "usage: sanitize.sh [tsan | asan | library]" >&2 && exit 64 ;;
	esac
done
