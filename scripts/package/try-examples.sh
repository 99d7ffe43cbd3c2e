#!/bin/sh
# Runs the examples with the package installed from its tarball, in copies of them below a folder of its own:
#
#   scripts/package/try-examples.sh            # the toy kernel and the walker; Linux with KERNEL and INITRD in the environment
#
# Nothing is fetched: what an example needs besides is linked to where it lies here.
set -eu

cd "$(dirname "$0")/../.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm pack --ignore-scripts --silent --pack-destination "$work" >/dev/null

try() {
  cp -r "examples/$1" "$work/$1"
  modules=$work/$1/node_modules
  rm -rf "$modules"
  mkdir -p "$modules/pagewalk"
  tar -xzf "$work"/pagewalk-*.tgz -C "$modules/pagewalk" --strip-components=1
  for name in chai mocha split2 zod; do ln -s "$root/node_modules/$name" "$modules/$name"; done
  echo "examples: $1"
  (cd "$work/$1" && PATH=$root/node_modules/.bin:$PATH npm test --silent)
}

try walker-check
try toy-kernel
if [ -n "${KERNEL:-}" ] && [ -n "${INITRD:-}" ]; then try linux; else echo 'examples: linux is left out, without KERNEL and INITRD'; fi
