# To be sourced with $apt_dir set to a folder of the caller's: apt with lists and caches of its own there, from the sources
# of this machine, wherever they lead. The machine's own lists stay as they are. $apt_more has more options for apt.
apt_more=

# write_sources RELEASE SUITES: the entries of this machine that have the plain release, with these suites in its place; in both of
# apt's formats.
write_sources() {
  mkdir -p "$apt_dir/apt/sources" "$apt_dir/apt/lists/partial" "$apt_dir/apt/cache/archives/partial"
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -e "$file" ] || continue
    # Paragraph by paragraph.
    awk -v release="$1" -v suites="$2" '
      BEGIN { RS = ""; ORS = "\n\n" }
      $0 ~ "(^|\n)Suites:([^\n]* )?" release "( |\n|$)" {
        sub(/(^|\n)Suites:[^\n]*/, "\nSuites: " suites)
        sub(/\nArchitectures:[^\n]*/, "")
        print
      }' "$file" >>"$apt_dir/apt/sources/machine.sources"
  done
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -e "$file" ] || continue
    awk -v release="$1" -v suites="$2" '
      $1 == "deb" {
        for (i = 2; i <= NF; i++) if ($i == release) {
          count = split(suites, suite, " ")
          for (at = 1; at <= count; at++) { $i = suite[at]; print }
          break
        }
      }' "$file" >>"$apt_dir/apt/sources/machine.list"
  done
}

# apt_run PROGRAM WORDS. APT::Sandbox::User: apt's own user may not write where we do.
apt_run() {
  apt_program=$1
  shift
  # shellcheck disable=SC2086  # a list of words
  "$apt_program" \
    -o Dir::Etc::sourcelist=/dev/null \
    -o Dir::Etc::sourceparts="$apt_dir/apt/sources" \
    -o Dir::State::lists="$apt_dir/apt/lists" \
    -o Dir::Cache="$apt_dir/apt/cache" \
    -o Debug::NoLocking=1 \
    -o APT::Sandbox::User= \
    $apt_more "$@"
}

apt_here() {
  apt_run apt-get -qq "$@"
}

apt_cache() {
  apt_run apt-cache "$@"
}
