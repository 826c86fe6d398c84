#!/usr/bin/env bash
# README.md's two commands where nothing is installed: makes a minbase chroot of a Debian suite, copies into it what is
# committed, and runs there samples/demo.sh, then tests/run.sh. Needs root and a package mirror.
# usage: tests/fresh.sh bookworm|trixie [ARGUMENT OF tests/run.sh]...
#   HIBTOOL_SKIP_VM=0   the tests that boot virtual machines too (1 if not given: without them)
#   FRESH_DIR=FOLDER    where the chroot is made: nothing yet, or an empty folder (if not given: a new one in /var/tmp)
#   KEEP=1              the chroot stays, with nothing mounted in it
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/chroot.sh"

demo=0
in_chroot /hibtool/samples/demo.sh || demo=$?
say "samples/demo.sh ended with $demo; now tests/run.sh"
tests=0
in_chroot /hibtool/tests/run.sh "$@" || tests=$?
say "$suite: samples/demo.sh ended with $demo, tests/run.sh with $tests"
[ "$demo" = 0 ] && [ "$tests" = 0 ]
