#!/bin/sh
# All tests, in parallel, and the coverage of all but those that draw or go through very many cases: counting what runs makes their
# loops three to six times slower, and they reach what the others reach. The sum of both runs is the run's (dist/test-result.txt).
set -u

cd "$(dirname "$0")/.." || exit 1
# The command as users have it. Its tests start it a thousand times; bundled it starts in half the time.
export PAGEWALK_PROGRAM=$PWD/dist/bundles/command/pagewalk.js
result=dist/test-result.txt
sum=dist/test-sum.txt
status=0
# Cases of conformance that are written down one by one.
by_hand='dist/test/conformance/{*,nested/*,hypercall/*}{golden-vectors,lass,physical-addresses,shadow-stacks,tagged-addresses,translate2,'
by_hand="${by_hand}circular-stages,ept-misconfigurations,ept-pointer,exit-information,npt-rights,memory-types}.test.js"

# run COMMAND...: what never came to its end counts as one failure.
run() {
  rm -f "$result"
  "$@" --parallel --reporter dist/test/support/closing-line-reporter.js || status=1
  cat "$result" >>"$sum" 2>/dev/null || echo '0 passed, 1 failed' >>"$sum"
}

rm -f "$sum"
run mocha --jobs 2 --ignore "$by_hand" 'dist/test/conformance/**/*.test.js'
run c8 mocha --jobs 3 'dist/test/{unit,live}/**/*.test.js' "$by_hand"
node dist/scripts/coverage/main.js || status=1
awk '{ passed += $1; failed += $3; skipped += $5 }
  END { printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : "" }' "$sum" | tee "$result"
rm -f "$sum"
exit "$status"
