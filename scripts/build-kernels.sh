#!/bin/sh
# Assembles test/kernels/*.asm and roms/*.asm into dist/kernels, those that are out of date. Says one line for each it builds.
set -eu

cd "$(dirname "$0")/.."
out=dist/kernels
mkdir -p "$out"

# Every kernel includes most of include/, so a newer file there makes all of them out of date.
newest_include=$(ls -t test/kernels/include/*.inc test/kernels/include/*/*.inc | head -n 1)

# Where Debian and other distributions keep the firmware that rom.asm is built around.
firmware='-i /usr/share/seabios/ -i /usr/share/qemu/'

for source in test/kernels/*.asm test/kernels/roms/*.asm; do
  name=$(basename "$source" .asm)
  target=$out/$name.bin
  if [ ! -e "$target" ] || [ "$source" -nt "$target" ] || [ "$newest_include" -nt "$target" ]; then
    echo "assembling $source"
    # Written beside and renamed: a run that is interrupted, or another at the same time, never sees half an image.
    # shellcheck disable=SC2086  # a list of words
    nasm -f bin -Wall -Werror -i test/kernels/include/ $firmware -o "$target.$$" "$source"
    mv "$target.$$" "$target"
  fi
done
