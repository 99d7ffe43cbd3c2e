#!/bin/sh
# Unpacks QEMU 10 from Debian 12's backports beside the system's own QEMU, so that both can be tested:
#
#   scripts/install-qemu-10.sh DIR
#   PAGEWALK_QEMU=DIR/qemu-system-x86_64 npm run test:live
#
# Everything goes into DIR; nothing is installed and the machine's own package lists stay as they are.
set -eu

if [ $# -ne 1 ]; then
  echo "usage: $0 DIR" >&2
  exit 2
fi
mkdir -p "$1"
dir=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
program=$dir/qemu-system-x86_64

. /etc/os-release
release=${VERSION_CODENAME:-}
if [ "$release" != bookworm ]; then
  echo "install-qemu-10: this takes QEMU from the backports of Debian 12 (bookworm); this machine runs ${PRETTY_NAME:-something else}" >&2
  exit 1
fi

# What another form of this script has unpacked is fetched anew: it may lack what this one takes.
stamp=$(cksum <"$here/install-qemu-10.sh")
if [ -x "$program" ] && [ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ]; then
  exit 0
fi

apt_dir=$dir
. "$here/guests/private-apt.sh"

echo "install-qemu-10: fetching QEMU into $dir"
rm -rf "$dir/apt" "$dir/root" "$program"
write_sources "$release" "$release $release-backports"
mkdir -p "$dir/root"
apt_here update
# What would have to be installed, libraries that the system lacks or has too old among it. With the modules: QEMU takes one that
# it does not find among its own from the system's QEMU, and ends if that is another version (`-device help` loads them all).
apt_here install --yes --download-only --no-install-recommends -t "$release-backports" \
  qemu-system-x86 qemu-system-modules-opengl qemu-system-modules-spice >/dev/null
for package in "$dir"/apt/cache/archives/*.deb; do
  dpkg -x "$package" "$dir/root"
done

# Debian builds QEMU with fixed paths for firmware and modules, where the system's own QEMU has those of its version. `exec`
# keeps the process id, by which the program is stopped.
cat >"$program.new" <<WRAPPER
#!/bin/sh
root='$dir/root'
export LD_LIBRARY_PATH="\$root/usr/lib/x86_64-linux-gnu:\$root/lib/x86_64-linux-gnu"
export QEMU_MODULE_DIR="\$root/usr/lib/x86_64-linux-gnu/qemu"
exec "\$root/usr/bin/qemu-system-x86_64" -L "\$root/usr/share/qemu" -L "\$root/usr/share/seabios" "\$@"
WRAPPER
chmod +x "$program.new"
"$program.new" --version | head -n 1
mv "$program.new" "$program"
echo "$stamp" >"$dir/stamp"
rm -rf "$dir/apt"
