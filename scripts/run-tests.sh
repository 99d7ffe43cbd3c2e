#!/bin/sh
# All tests, in parallel, and the coverage of those that are not about the walker's judges: counting what runs makes the judges' loops
# three to six times slower, and unit tests reach all that they reach. The sum of both runs is the run's (dist/test-result.txt).
set -u

cd "$(dirname "$0")/.." || exit 1
# The command as users have it. Its tests start it a thousand times; bundled it starts in half the time.
export PAGEWALK_PROGRAM=$PWD/dist/bundles/command/pagewalk.js
result=dist/test-result.txt
sum=dist/test-sum.txt
status=0

# run COMMAND...: what never came to its end counts as one failure.
run() {
  rm -f "$result"
  "$@" --parallel --reporter dist/test/support/closing-line-reporter.js || status=1
  cat "$result" >>"$sum" 2>/dev/null || echo '0 passed, 1 failed' >>"$sum"
}

rm -f "$sum"
run mocha --jobs 2 'dist/test/conformance/**/*.test.js'
run c8 mocha --jobs 3 'dist/test/{unit,live}/**/*.test.js'
node dist/scripts/coverage/main.js || status=1
awk '{ passed += $1; failed += $3; skipped += $5 }
  END { printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : "" }' "$sum" | tee "$result"
rm -f "$sum"
exit "$status"
