#!/bin/sh
# Unpacks a package of Debian 12 into a folder; nothing is installed, and what is there already is left alone:
#
#   scripts/guests/fetch-package.sh PACKAGE DIR
set -eu

if [ $# -ne 2 ]; then
  echo "usage: $0 PACKAGE DIR" >&2
  exit 2
fi
mkdir -p "$2"
dir=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
if [ -e "$dir/complete" ]; then
  exit 0
fi
apt_dir=$(mktemp -d "$dir/work.XXXXXX")
trap 'rm -rf "$apt_dir"' EXIT
. "$here/private-apt.sh"

echo "fetch-package: fetching $1 into $dir"
write_sources bookworm bookworm
apt_here update
(cd "$apt_dir" && apt_here download "$1")
dpkg-deb -x "$apt_dir"/*.deb "$dir"
touch "$dir/complete"
