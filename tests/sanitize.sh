#!/usr/bin/env bash
# Builds the program with the thread sanitizer, then with those of addresses and undefined behaviour, and has the tests of
# mounted images run with it. Fails also on what a sanitizer says in a process that no test waits for.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
for preset in tsan asan; do
	build=$source/build-$preset
	mkdir -p "$build"
	(cd "$source" && cmake --preset "$preset" -DHIBTOOL_TESTS=OFF -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=0) >"$build/build.log"
	cmake --build "$build" --target hibtool >>"$build/build.log" 2>&1 || { tail -40 "$build/build.log"; exit 1; }
	said=$(mktemp -d)
	export TSAN_OPTIONS=log_path=$said/log:suppressions=$source/tests/support/tsan.suppressions ASAN_OPTIONS=log_path=$said/log UBSAN_OPTIONS=log_path=$said/log:print_stacktrace=1
	HIBTOOL=$build/hibtool /usr/bin/python3 "$source/tests/cli/test_mount.py" "$@"
	if [ -n "$(ls "$said")" ]; then
		cat "$said"/*
		exit 1
	fi
	rmdir "$said"
	echo "$preset: nothing was found"
done
