#!/bin/sh
# All tests of every day, in parallel, and the coverage of all but those that draw or go through very many cases: counting what runs
# makes their loops three to six times slower, and they reach what the others reach. Those run beside the others, which wait for
# guests half of the time. The sum of both runs is the run's (dist/test-result.txt).
set -u

cd "$(dirname "$0")/../.." || exit 1
# The command as users have it. Its tests start it a thousand times; bundled it starts in half the time.
export PAGEWALK_PROGRAM=$PWD/dist/bundles/command/pagewalk.js
result=dist/test-result.txt
# Cases of conformance that are written down one by one.
by_hand='dist/test/conformance/{*,nested/*,hypercall/*}{golden-vectors,lass,physical-addresses,shadow-stacks,tagged-addresses,translate2,'
by_hand="${by_hand}circular-stages,ept-misconfigurations,ept-pointer,exit-information,npt-rights,memory-types}.test.js"

# run RESULT COMMAND...: what never came to its end counts as one failure.
run() {
  of_run=$1
  shift
  echo '0 passed, 1 failed' >"$of_run"
  PAGEWALK_TEST_RESULT="$PWD/$of_run" "$@" --parallel --reporter dist/test/support/closing-line-reporter.js
}

status=0
rm -f "$result"
run dist/test-result-judges.txt mocha --jobs 1 --ignore "$by_hand" 'dist/test/conformance/**/*.test.js' >dist/test-judges.log 2>&1 &
judges=$!
# What runs in the background has no Ctrl-C.
trap 'kill "$judges"; exit 130' INT TERM
run dist/test-result-others.txt c8 mocha --jobs 3 'dist/test/{live,unit}/**/*.test.js' "$by_hand" || status=1
wait "$judges" || status=1
trap - INT TERM
cat dist/test-judges.log
if ! node dist/scripts/coverage/main.js >dist/coverage-floors.log 2>&1; then
  status=1
  [ -z "${PAGEWALK_TEST_FAILURES:-}" ] || cat dist/coverage-floors.log >>"$PAGEWALK_TEST_FAILURES"
fi
cat dist/coverage-floors.log
awk '{ passed += $1; failed += $3; skipped += $5 }
  END { printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : "" }' \
  dist/test-result-judges.txt dist/test-result-others.txt | tee "$result"
exit "$status"
