# To be sourced with $apt_dir set to a folder of the caller's: apt with lists and caches of its own there, from the sources
# of this machine, wherever they lead. The machine's own lists stay as they are.

# Entries for the plain release only, in both of apt's formats, with a suite of that release (its backports) beside it.
write_sources() {
  suite=$1
  release=${suite%-backports}
  mkdir -p "$apt_dir/apt/sources" "$apt_dir/apt/lists/partial" "$apt_dir/apt/cache/archives/partial"
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -e "$file" ] || continue
    # Paragraph by paragraph; the suites of those that have the plain release among them.
    awk -v release="$release" -v suite="$suite" '
      BEGIN { RS = ""; ORS = "\n\n" }
      $0 ~ "(^|\n)Suites:([^\n]* )?" release "( |\n|$)" {
        sub(/(^|\n)Suites:[^\n]*/, "\nSuites: " release (suite == release ? "" : " " suite))
        sub(/\nArchitectures:[^\n]*/, "")
        print
      }' "$file" >>"$apt_dir/apt/sources/machine.sources"
  done
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -e "$file" ] || continue
    awk -v release="$release" -v suite="$suite" '
      $1 == "deb" {
        for (i = 2; i <= NF; i++) if ($i == release) { print; if (suite != release) { $i = suite; print }; break }
      }' "$file" >>"$apt_dir/apt/sources/machine.list"
  done
}

# APT::Sandbox::User: apt's own user may not write where we do.
apt_options() {
  echo "-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$apt_dir/apt/sources" \
    "-o Dir::State::lists=$apt_dir/apt/lists -o Dir::Cache=$apt_dir/apt/cache" \
    "-o Debug::NoLocking=1 -o APT::Sandbox::User= -o APT::Architectures::=amd64 -o APT::Architectures::=i386"
}

apt_here() {
  # shellcheck disable=SC2046  # a list of words
  apt-get -qq $(apt_options) "$@"
}

apt_cache() {
  # shellcheck disable=SC2046
  apt-cache $(apt_options) "$@"
}
