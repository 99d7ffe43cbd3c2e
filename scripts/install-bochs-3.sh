#!/bin/sh
# Unpacks Bochs 3 from Debian unstable beside the system's own Bochs, so that both can judge:
#
#   scripts/install-bochs-3.sh DIR
#   PAGEWALK_BOCHS=DIR/bochs-bin npm run test:bochs
#
# Everything goes into DIR; nothing is installed and the machine's own package lists stay as they are. Bochs comes with the C and C++
# libraries that it was built for; the others are those of Debian 12's Bochs, which has to be installed (scripts/setup.sh).
set -eu

if [ $# -ne 1 ]; then
  echo "usage: $0 DIR" >&2
  exit 2
fi
mkdir -p "$1"
dir=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
program=$dir/bochs-bin

. /etc/os-release
release=${VERSION_CODENAME:-}
if [ "$release" != bookworm ]; then
  echo "install-bochs-3: this takes Bochs from Debian unstable beside Debian 12 (bookworm); this machine runs ${PRETTY_NAME:-something else}" >&2
  exit 1
fi

if [ -x "$program" ]; then
  exit 0
fi

apt_dir=$dir
. "$here/guests/private-apt.sh"
# No package is installed here as far as apt knows: what is wanted is fetched, and nothing is asked of the rest.
apt_more='-o Dir::State::status=/dev/null'

echo "install-bochs-3: fetching Bochs into $dir"
rm -rf "$dir/apt" "$dir/root"
write_sources "$release" unstable
mkdir -p "$dir/root" "$dir/apt/packages"
apt_here update
(cd "$dir/apt/packages" && apt_here download bochs bochs-term libc6 libstdc++6 libgcc-s1 gcc-16-base 2>/dev/null) ||
  (cd "$dir/apt/packages" && apt_here download bochs bochs-term libc6 libstdc++6 libgcc-s1)
for package in "$dir"/apt/packages/*.deb; do
  dpkg -x "$package" "$dir/root"
done

# By its own loader, as its C library is another one than the system's; its plugins lie where it does not look.
cat >"$program.new" <<WRAPPER
#!/bin/sh
root='$dir/root'
export LTDL_LIBRARY_PATH="\$root/usr/lib/x86_64-linux-gnu/bochs/plugins"
exec "\$root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" \\
  --library-path "\$root/usr/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:/lib/x86_64-linux-gnu" \\
  "\$root/usr/bin/bochs-bin" "\$@"
WRAPPER
chmod +x "$program.new"
"$program.new" --help cpu 2>&1 | grep -o 'Bochs x86 Emulator [0-9.]*' | head -n 1
mv "$program.new" "$program"
rm -rf "$dir/apt"
