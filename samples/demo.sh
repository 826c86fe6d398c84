#!/usr/bin/env bash
# The main job on the memory of a real machine: look at an image, prove it, replay it, pack it again, compare.
set -euo pipefail
# shellcheck source=tests/support/setup.sh
. "$(dirname "$0")/../tests/support/setup.sh"

setup_packages nocheck
setup_build release OFF

hibtool=$build/hibtool
samples=$root/samples
out=$build/demo
rm -rf "$out"
mkdir -p "$out"

show() {
	printf '\n$ hibtool %s\n' "$*"
	"$hibtool" "$@"
}
# diff and verify answer "no" with exit code 1, which is an answer and not a failure.
ask() {
	show "$@" || {
		local code=$?
		[ $code = 1 ] || exit $code
		echo "(exit code 1: the answer is no)"
	}
}

cd "$samples"
say "What is this file? (a Debian machine with 80 MiB, packed while it ran; samples/README.md)"
show inspect debian-6.1-cloud.hib

say "Is every byte of it what was written?"
show verify debian-6.1-cloud.hib

say "Replay it as an ELF vmcore, which crash, gdb and makedumpfile open"
show restore debian-6.1-cloud.hib --as elf -o "$out/vmcore"
show inspect "$out/vmcore"

say "Pack that vmcore again: the same memory has the same digest in every container"
show create "$out/vmcore" -o "$out/again.hib" --level 3
show diff debian-6.1-cloud.hib "$out/again.hib"

say "Some seconds later the machine was dumped again; only what changed was stored"
show inspect debian-6.1-cloud-later.hib
ask diff debian-6.1-cloud.hib debian-6.1-cloud-later.hib

say "One of the pages that changed: the workload's marked page 0, before and after"
page=$(sed -n 's/^ *"pfn": \([0-9]*\),*$/\1/p' debian-6.1-cloud.json | head -1)
show inspect --page "$page" debian-6.1-cloud.hib | head -6
show inspect --page "$page" debian-6.1-cloud-later.hib | head -6

say "Damage: one byte of a copy is changed. What is lost, and what can be saved?"
cp debian-6.1-cloud.hib "$out/damaged.hib"
printf '\377' | dd of="$out/damaged.hib" bs=1 seek=3000000 conv=notrunc status=none
ask verify "$out/damaged.hib"
show restore "$out/damaged.hib" --as hib -o "$out/saved.hib" --salvage || [ $? = 3 ]

say "Raw memory, for tools that want nothing else"
show restore debian-6.1-cloud.hib --as raw -o "$out/memory.raw"

say "Hibernation images in swap areas (small ones, made by samples/swsusp/generate; tests/vm has those of real kernels)"
/usr/bin/python3 swsusp/generate "$out/swsusp" consumed fault-length-lies uswsusp-encrypted

say "A resume was tried from this one, and the kernel has taken its signature back. Is it still whole?"
show inspect "$out/swsusp/consumed.img"
show verify "$out/swsusp/consumed.img"

say "In this one the length of a chunk is wrong: the kernel would say \"LZO decompression failed\". Which pages does it cost?"
ask verify "$out/swsusp/fault-length-lies.img"

say "Packed, and written back with another codec into a fresh swap area, which keeps its label: a kernel would resume from it"
show create "$out/swsusp/consumed.img" -o "$out/hibernated.hib"
rm -f "$out/swap" && truncate -s 4M "$out/swap" && chmod 600 "$out/swap" && /usr/sbin/mkswap -q -L demo "$out/swap"
show restore "$out/hibernated.hib" --as swsusp --codec lz4 -o "$out/swap"
show inspect "$out/swap"

say "What is a machine made of? (captured trees of odd machines: samples/machines)"
rm -rf "$out/twins"
/usr/bin/python3 machines/unpack machines/usb-twins.tree "$out/twins"
show probe --root "$out/twins" -o "$out/twins.json" --force
show probe --root "$out/twins"

say "The same machine, after one of its disks was replaced by one of the same model: which device is which?"
/usr/bin/python3 machines/unpack machines/old-pc.tree "$out/pc"
show probe --root "$out/pc" -o "$out/pc.json" --force
sed 's/3JX0AAAA/3JX0CCCC/g' "$out/pc.json" >"$out/pc-later.json"
ask diff "$out/pc.json" "$out/pc-later.json"

say "All outputs are in $out"
ls -l "$out"
