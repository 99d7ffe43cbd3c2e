#!/bin/sh
# Packs the package, and has its description (publint) and its types (attw) judged as a user gets them. ESM alone: Node 20.19 and
# later load it by require() too, and what resolves packages as Node 10 did finds no entry but the root of any package.
set -eu

cd "$(dirname "$0")/../.."
directory=dist/package
sh scripts/package/bundle-command.sh
rm -rf "$directory"
mkdir -p "$directory"
# Without scripts: packing builds otherwise, under whatever runs from the build.
npm pack --ignore-scripts --silent --pack-destination "$directory" >/dev/null
for tarball in "$directory"/*.tgz; do
  node_modules/.bin/publint --strict "$tarball"
  node_modules/.bin/attw --profile esm-only --quiet "$tarball"
  echo "types: $tarball holds for ESM and for bundlers"
done
