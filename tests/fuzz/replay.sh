#!/usr/bin/env bash
# Builds the libFuzzer targets with clang and the sanitizers, replays the corpus through them, and lets each run a little
# from a fixed seed. usage: replay.sh SOURCE_DIR BUILD_DIR
set -euo pipefail
source=$1
fuzz=$2
command -v clang++ >/dev/null || { echo "clang++ is not installed" >&2; exit 1; }
CC=clang CXX=clang++ cmake -S "$source" -B "$fuzz" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
	-DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 -gline-tables-only" -DHIBTOOL_FUZZ=ON -DHIBTOOL_TESTS=ON \
	-DHIBTOOL_SANITIZE=address,undefined >"$fuzz.log" 2>&1 || { cat "$fuzz.log"; exit 1; }
cmake --build "$fuzz" --target fuzzers >>"$fuzz.log" 2>&1 || { tail -40 "$fuzz.log"; exit 1; }
for format in hib elf kdump lime avml raw swsusp snapshot devices; do
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	mkdir "$work/new"
	corpus=$source/tests/corpus/$format
	case $format in
	swsusp | snapshot) # the small ones of the conformance images
		corpus=$work/corpus
		/usr/bin/python3 "$source/samples/swsusp/generate" "$corpus"
		find "$corpus" -name '*.json' -delete -o -size +64k -delete
		;;
	esac
	"$fuzz/tests/fuzz_$format" -runs=3000 -seed=1 -timeout=5 -rss_limit_mb=1024 -max_len=65536 -verbosity=0 -print_final_stats=0 "$work/new" "$corpus" >"$fuzz.run" 2>&1 || { cat "$fuzz.run"; exit 1; }
	echo "fuzz_$format: $(find "$corpus" -type f | wc -l) corpus files and 3000 mutants, no finding"
	rm -rf "$work"
done
