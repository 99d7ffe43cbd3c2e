#!/bin/sh
# Runs the unit tests and one file of live tests on each release of Node that the package is for. They come from npm, as packages
# that hold nothing but Node, into dist/nodes; nothing is installed. The sum of all results is the run's (dist/test-result.txt).
set -eu

cd "$(dirname "$0")/../.."
# The oldest that `engines` in package.json takes, and the last of each later release with long-term support.
versions='20.19.0 22.23.5 24.22.3'
unit='dist/test/unit/**/*.test.js'
live='dist/test/live/guest/attach.test.js'
nodes=$PWD/dist/nodes

install_node() {
  directory=$nodes/$1
  [ -x "$directory/node" ] && return
  echo "test-nodes: fetching Node $1"
  rm -rf "$directory"
  mkdir -p "$directory/package"
  npm pack --silent --pack-destination "$directory" "node-$(node -p 'process.platform + "-" + process.arch')@$1" >/dev/null
  tar -xzf "$directory"/*.tgz -C "$directory" package/bin/node
  mv "$directory/package/bin/node" "$directory/node"
  rm -rf "$directory/package" "$directory"/*.tgz
}

# run_tests VERSION NAME FILES: what is started by a test as `node` is that Node, too.
run_tests() {
  status=0
  PATH="$nodes/$1:$PATH" node node_modules/mocha/bin/mocha.js \
    --reporter dist/test/support/closing-line-reporter.js "$3" >"$nodes/$1/$2.log" 2>&1 || status=$?
  echo "$status" >"$nodes/$1/$2.status"
}

# show VERSION NAME: a line, and if anything failed what did. What never came to its end counts as one failure.
show() {
  log=$nodes/$1/$2.log
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" | tail -n 1 || true)
  status=$(cat "$nodes/$1/$2.status")
  [ "$status" -eq 0 ] || sed -n '/^  [0-9]* passing/,$p' "$log" | grep . || tail -n 50 "$log"
  if [ "$status" -ne 0 ]; then
    case ${line:-none} in none | *' 0 failed'*) line='0 passed, 1 failed' ;; esac
  fi
  echo "Node $1, $2: $line"
  echo "$line" >>"$nodes/results"
}

rm -f "$nodes/results" dist/test-result.txt
for version in $versions; do install_node "$version"; done
for version in $versions; do run_tests "$version" unit "$unit" & done
wait
# One after the other: what they see of a guest depends on time.
for version in $versions; do run_tests "$version" live "$live"; done
for version in $versions; do
  show "$version" unit
  show "$version" live
done
awk '{ passed += $1; failed += $3; skipped += $5 }
  END { printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : "" }' \
  "$nodes/results" | tee dist/test-result.txt
grep -q ' 0 failed' dist/test-result.txt
