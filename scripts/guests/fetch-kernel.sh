#!/bin/sh
# Unpacks a kernel of Debian 12 into a folder, for guests whose tables and names were not made up:
#
#   scripts/guests/fetch-kernel.sh KIND DIR
#
# KIND is 6.1-cloud, 6.12-cloud (backports), 6.1-686-pae or 6.1-686 (without PAE). DIR then has `vmlinuz`, `release` and `modules/` (plain .ko files).
# Needs Debian 12; nothing is installed, and root is not needed. What is there already is left alone.
set -eu

if [ $# -ne 2 ]; then
  echo "usage: $0 KIND DIR" >&2
  exit 2
fi
case $1 in
  6.1-cloud) meta=linux-image-cloud-amd64 suite=bookworm ;;
  6.12-cloud) meta=linux-image-cloud-amd64 suite=bookworm-backports ;;
  6.1-686-pae) meta=linux-image-686-pae:i386 suite=bookworm ;;
  6.1-686) meta=linux-image-686:i386 suite=bookworm ;;
  *)
    echo "fetch-kernel: unknown kind \"$1\"; use 6.1-cloud, 6.12-cloud, 6.1-686-pae or 6.1-686" >&2
    exit 2
    ;;
esac
mkdir -p "$2"
dir=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)

if [ -e "$dir/vmlinuz" ] && [ -e "$dir/release" ] && [ -d "$dir/modules" ]; then
  exit 0
fi
apt_dir=$(mktemp -d "$dir/work.XXXXXX")
suites=bookworm
[ "$suite" = bookworm ] || suites="bookworm $suite"
trap 'rm -rf "$apt_dir"' EXIT
. "$here/private-apt.sh"
apt_more='-o APT::Architectures::=amd64 -o APT::Architectures::=i386'

echo "fetch-kernel: fetching the kernel $1 into $dir"
write_sources bookworm "$suites"
apt_here update

# The package behind the metapackage, whose version is part of its name.
package=$(apt_cache depends "$meta/$suite" 2>/dev/null |
  sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
if [ -z "$package" ]; then
  package=$(apt_cache show "$meta/$suite" | sed -n 's/^Depends: \(linux-image-[0-9][^ ,]*\).*/\1/p' | head -n 1)
fi
case $meta in *:i386) package=${package%:i386}:i386 ;; esac
(cd "$apt_dir" && apt_here download "$package/$suite")
dpkg-deb -x "$apt_dir"/linux-image-*.deb "$apt_dir/packages"

release=$(basename "$(echo "$apt_dir"/packages/boot/vmlinuz-*)" | sed 's/^vmlinuz-//')
mkdir "$apt_dir/modules"
# Without debug signatures and indexes: plain files by their names.
find "$apt_dir/packages" -name '*.ko' -exec cp {} "$apt_dir/modules/" \;
find "$apt_dir/packages" -name '*.ko.xz' | while read -r module; do
  xz -dc "$module" >"$apt_dir/modules/$(basename "$module" .xz)"
done
echo "$release" >"$apt_dir/release"
# Several runs may do this at once: what one has put there is as good as the other's.
[ -d "$dir/modules" ] || mv -T "$apt_dir/modules" "$dir/modules" || [ -d "$dir/modules" ]
mv "$apt_dir/release" "$dir/release"
mv "$apt_dir"/packages/boot/vmlinuz-* "$dir/vmlinuz"
