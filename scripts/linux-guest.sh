#!/bin/sh
# Makes a Linux guest out of Debian's kernel and busybox, for benchmarks and for trying things on tables that were not made up:
#
#   scripts/linux-guest.sh DIR
#   qemu-system-x86_64 -cpu max -m 1G -nographic -kernel DIR/vmlinuz -initrd DIR/initramfs -append console=ttyS0
#
# `-cpu max` boots with 5-level paging, `-cpu max,la57=off` with 4-level. Once its processes have mapped what they map it says
# "ready" on the console and on a debug console at port 0xe9, and then sleeps. Needs Debian or a kin of it; everything goes
# into DIR, nothing is installed, and root is not needed.
set -eu

if [ $# -ne 1 ]; then
  echo "usage: $0 DIR" >&2
  exit 2
fi
script=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
mkdir -p "$1"
dir=$(cd "$1" && pwd)

if [ -e "$dir/vmlinuz" ] && [ -e "$dir/initramfs" ] && [ "$dir/initramfs" -nt "$script" ]; then
  exit 0
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
  echo 'linux-guest: this takes the kernel from Debian packages, by apt-get and dpkg, which are not here' >&2
  exit 1
fi

work=$(mktemp -d "$dir/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The package behind the metapackage, whose version is part of its name; nothing where there are no package lists.
kernel_package() {
  apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*-amd64\)$/\1/p' | head -n 1
}

download() {
  # APT::Sandbox::User: apt's own user may not write where we do.
  (cd "$work" && apt-get -qq -o APT::Sandbox::User= download "$(kernel_package)" busybox-static)
}

# Package lists may be absent or name versions that are gone; only then are fresh ones fetched, into DIR: the machine's own
# stay as they are.
use_fresh_lists() {
  mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
  cat >"$work/apt.conf" <<CONFIG
Dir::State::lists "$work/apt/lists";
Dir::Cache "$work/apt/cache";
Debug::NoLocking "1";
CONFIG
  export APT_CONFIG="$work/apt.conf"
  apt-get -qq -o APT::Sandbox::User= update
}

echo "linux-guest: fetching Debian's kernel and busybox into $dir"
if ! download 2>/dev/null; then
  use_fresh_lists
  download
fi
for package in "$work"/*.deb; do
  dpkg -x "$package" "$work/packages"
done

root=$work/root
mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/run"
cp "$work/packages/bin/busybox" "$root/bin/busybox"

# awk is the memory: its arrays grow its heap, and the table of an array is a second large allocation. Half of the processes
# may have large pages, the other half may not, so that both kinds are in the tables.
cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev

# A byte at a time, as /dev/port counts the ports up within one write.
say() {
  echo "$1"
  for character in $(echo "$1" | sed 's/./& /g'); do
    printf '%s' "$character" | dd of=/dev/port bs=1 seek=233 2>/dev/null
  done
  printf '\n' | dd of=/dev/port bs=1 seek=233 2>/dev/null
}

occupy() {
  awk -v "name=$1" -v "count=$2" 'BEGIN {
    for (i = 0; i < count; i++) kept[i] = i
    print "done" > ("/run/" name)
    close("/run/" name)
    system("exec sleep 1000000000")
  }' &
}

wait_for() {
  until [ -e "/run/$1" ]; do sleep 0.1; done
}

large_pages=/sys/kernel/mm/transparent_hugepage/enabled
echo always >$large_pages
occupy large 150000
wait_for large
echo never >$large_pages
occupy small 150000
occupy tiny 1000
wait_for small
wait_for tiny

say ready
while :; do sleep 1; done
INIT
chmod +x "$root/init"

cp "$work"/packages/boot/vmlinuz-* "$dir/vmlinuz.new"
# busybox brings its own cpio. Sorted: a directory comes before what is in it.
(cd "$root" && find . | LC_ALL=C sort | "$root/bin/busybox" cpio -o -H newc 2>/dev/null) | gzip -1 >"$dir/initramfs.new"
mv "$dir/vmlinuz.new" "$dir/vmlinuz"
mv "$dir/initramfs.new" "$dir/initramfs"
