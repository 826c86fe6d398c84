#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test. The last lines are ctest's own summary.
# HIBTOOL_SKIP_VM=1 leaves out the tests that boot virtual machines.
set -euo pipefail
# shellcheck source=tests/support/setup.sh
. "$(dirname "$0")/support/setup.sh"

setup_packages ""
setup_build release ON
if [ "${HIBTOOL_SKIP_VM:-0}" = 1 ]; then
	say "HIBTOOL_SKIP_VM=1: the tests that boot virtual machines are left out"
	set -- -LE vm "$@"
fi
say "testing"
exec ctest --test-dir "$build" --output-on-failure --parallel "$(nproc)" "$@"
