#!/bin/sh
# Runs the examples with the package installed from its tarball, in copies of them below a folder of its own:
#
#   scripts/package/try-examples.sh            # KERNEL and INITRD in the environment are another Linux than Debian's
#
# What an example needs besides is linked to where it lies here; Debian's kernel and busybox are fetched once.
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
if [ -z "${KERNEL:-}" ] || [ -z "${INITRD:-}" ]; then
  scripts/linux-guest.sh dist/linux-guest
  export KERNEL="$root/dist/linux-guest/vmlinuz" INITRD="$root/dist/linux-guest/initramfs"
fi
try linux
