#!/usr/bin/env bash
# Builds the libFuzzer targets with clang and the sanitizers, replays the corpus through them, and lets each run a little
# from a fixed seed. usage: replay.sh SOURCE_DIR BUILD_DIR
set -euo pipefail
source=$1
fuzz=$2
command -v clang++ >/dev/null || { echo "clang++ is not installed" >&2; exit 1; }
CC=clang CXX=clang++ cmake -S "$source" -B "$fuzz" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
	-DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=0 -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 -gline-tables-only" -DHIBTOOL_FUZZ=ON -DHIBTOOL_TESTS=ON \
	-DHIBTOOL_SANITIZE=address,undefined >"$fuzz.log" 2>&1 || { cat "$fuzz.log"; exit 1; }
cmake --build "$fuzz" --target fuzzers >>"$fuzz.log" 2>&1 || { tail -40 "$fuzz.log"; exit 1; }

# One format: its corpus, then mutants. Says one line, or all that the fuzzer said where it found something.
replay() {
	local format=$1 work corpus
	work=$(mktemp -d)
	mkdir "$work/new"
	corpus=$source/tests/corpus/$format
	case $format in
	swsusp | snapshot) # the small ones of the conformance images
		corpus=$work/corpus
		/usr/bin/python3 "$source/samples/swsusp/generate" "$corpus"
		find "$corpus" -name '*.json' -delete -o -size +64k -delete
		;;
	carve) # the same without their headers
		corpus=$work/corpus
		/usr/bin/python3 "$source/samples/swsusp/generate" "$corpus"
		find "$corpus" -name '*.json' -delete -o -size +64k -delete
		find "$corpus" -type f -exec dd if=/dev/zero of={} bs=4096 count=1 conv=notrunc status=none \;
		;;
	esac
	if "$fuzz/tests/fuzz_$format" -runs=3000 -seed=1 -timeout=5 -rss_limit_mb=1024 -max_len=65536 -verbosity=0 -print_final_stats=0 "$work/new" "$corpus" >"$fuzz.$format.run" 2>&1; then
		echo "fuzz_$format: $(find "$corpus" -type f | wc -l) corpus files and 3000 mutants, no finding"
		rm -rf "$work"
	else
		cat "$fuzz.$format.run"
		rm -rf "$work"
		return 1
	fi
}
export -f replay
export source fuzz
printf '%s\n' swsusp snapshot carve hib elf kdump lime avml raw devices log initramfs configuration | xargs -P "$(nproc)" -I FORMAT bash -euo pipefail -c 'replay FORMAT'
