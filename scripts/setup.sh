#!/bin/sh
# Makes a fresh checkout ready to run: npm packages, QEMU, Bochs, nasm, gcc and chromium, build, test kernels. Says one line for each thing it
# does and nothing when there is nothing to do. Needs Node with npm; installing the emulators needs Debian and root.
set -eu

cd "$(dirname "$0")/.."

# Runs a command quietly; if it fails, shows what it said.
quietly() {
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    rm -f "$log"
    return 0
  fi
  cat "$log" >&2
  rm -f "$log"
  return 1
}

install_npm_packages() {
  installed=node_modules/.package-lock.json
  if [ -e "$installed" ] && [ ! package-lock.json -nt "$installed" ]; then
    return
  fi
  echo 'setup: installing npm packages'
  quietly npm ci --ignore-scripts --no-audit --no-fund
  touch "$installed"
}

apt_install() {
  # DEBIAN_FRONTEND: no package may stop to ask. Recommended packages would be a display, sound and firmware for other machines.
  quietly env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# The names of the Debian packages for what is missing, by command.
missing_packages() {
  command -v qemu-system-x86_64 >/dev/null || printf 'qemu-system-x86 '
  # A guest that is not x86, which has to be refused.
  command -v qemu-system-aarch64 >/dev/null || printf 'qemu-system-arm '
  command -v nasm >/dev/null || printf 'nasm '
  # Programs that Linux guests run, and files with symbols. nm and objcopy come with it.
  command -v gcc >/dev/null || printf 'gcc libc6-dev '
  # A browser for the page of pictures, and a font for it.
  command -v chromium >/dev/null || printf 'chromium fonts-dejavu-core '
  # A libvirt with a guest, and its proxy for QMP.
  command -v virt-qemu-qmp-proxy >/dev/null || printf '%s ' libvirt-daemon-system libvirt-daemon-system-sysv libvirt-clients libvirt-clients-qemu
  # Another host, on the loopback.
  [ -x /usr/sbin/sshd ] || printf 'openssh-server openssh-client '
  # What hands descriptors over.
  command -v python3 >/dev/null || printf 'python3 '
  # Certificates of tests.
  command -v openssl >/dev/null || printf 'openssl '
  # A second processor, and the display that it needs least for.
  command -v bochs-bin >/dev/null || printf 'bochs bochs-term '
}

install_system_packages() {
  packages=$(missing_packages)
  if [ -z "$packages" ]; then
    return
  fi
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "setup: please install these Debian packages: $packages" >&2
    exit 1
  fi
  echo "setup: installing $packages"
  # Package lists may be absent or name versions that are gone; only then is the time for an update spent.
  # shellcheck disable=SC2086  # a list of words
  if ! apt_install $packages 2>/dev/null; then
    echo 'setup: updating the package lists'
    quietly apt-get update -qq
    # shellcheck disable=SC2086
    apt_install $packages
  fi
}

build() {
  # The first build takes some seconds; later ones only look at dates and hashes.
  [ -e dist/.tsbuildinfo ] || echo 'setup: building'
  node_modules/.bin/tsc -b
  scripts/package/bundle-command.sh
}

install_npm_packages
install_system_packages
build
scripts/build-kernels.sh
