#!/bin/sh
# Bundles the page of pictures into dist/bundles/page: its program in one script, and its looks. From the sources, as the compiler only
# checks them: a browser gets no other file. What is not used of the layers below (sockets above all) is not in it.
set -eu

cd "$(dirname "$0")/../.."
directory=dist/bundles/page
mkdir -p "$directory"
node_modules/.bin/esbuild src/explorer/main.tsx --outfile="$directory/page.js" --bundle --platform=browser --target=es2022,chrome110,firefox115,safari17 \
  --format=iife --minify --legal-comments=none --log-level=warning --jsx=automatic --jsx-import-source=preact --external:node:* --external:stream --external:string_decoder --log-override:empty-import-meta=silent
node_modules/.bin/esbuild src/explorer/page.css --outfile="$directory/page.css" --minify --log-level=warning
# What a browser does not have would end the page as it is opened.
if grep -o 'require("[a-z_:/]*")' "$directory/page.js"; then
  echo 'bundle-page: the page asks for modules of Node' >&2
  exit 1
fi
