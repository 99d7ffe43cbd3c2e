#!/bin/sh
# Bundles the command and its watchdog into dist/bundles/command, from what the compiler wrote: three files to open, where the modules
# are hundreds. Modules that are imported when they are needed stay so: nothing of a command runs before it is chosen. CommonJS, as
# Node starts it sooner. Names are short, as every byte is read and kept in memory three times before a command begins; PAGEWALK_DEBUG=1 runs
# the modules, whose stack traces have theirs.
set -eu

cd "$(dirname "$0")/../.."
directory=dist/bundles/command
mkdir -p "$directory"
echo '{ "type": "commonjs" }' >"$directory/package.json"

# bundle NAME ENTRY [OPTION...]
bundle() {
  name=$1 entry=$2
  shift 2
  node_modules/.bin/esbuild "$entry" --outfile="$directory/$name" "$@" \
    --bundle --platform=node --target=node20.19 --format=cjs --minify --charset=ascii --sourcemap --log-level=warning --log-override:empty-import-meta=silent \
    --define:import.meta.url=ownUrl --banner:js='const ownUrl=require("node:url").pathToFileURL(__filename).href;'
}

bundle pagewalk.js dist/src/cli/start.js
bundle main.js dist/src/cli/main.js --supported:dynamic-import=false
bundle watchdog-main.js dist/src/guest/restore/watchdog-main.js --supported:dynamic-import=false
chmod +x "$directory/pagewalk.js"

scripts/package/bundle-page.sh
