#!/bin/sh
# Places the Compose plugin alone, taken from a distribution's package; no package of the system is installed or upgraded.
#   compose_plugin.sh PACKAGE SUITE DESTINATION
# SUITE empty: the package comes from the machine's own sources. Otherwise from that suite of the Debian mirror which the
# machine already uses, through an apt configuration of its own that is removed at the end.
set -eu

package=$1
suite=$2
destination=$3
plugin=usr/libexec/docker/cli-plugins/docker-compose
LC_ALL=C
export LC_ALL

fail() {
    echo "$1" >&2
    exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
mkdir -p "$work/parts" "$work/lists/partial" "$work/archives/partial" "$work/package"
cd "$work"

private=
[ -z "$suite" ] ||
    private="-o Dir::Etc::SourceList=$work/sources.list -o Dir::Etc::SourceParts=$work/parts -o Dir::State::Lists=$work/lists"

# Root, because apt's own user cannot enter the private folder.
apt() { apt-get -qq -o APT::Sandbox::User=root -o Dir::Cache::archives="$work/archives" -o Acquire::Retries=3 "$@" 2>"$work/errors"; }
last_words() { grep -E '^E:' "$work/errors" | tail -n 1; }

if [ -n "$suite" ]; then
    # apt itself tells which mirrors carry Debian, from sources of either format. Without lists it cannot know yet.
    # shellcheck disable=SC2016
    mirrors() { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | sort -u; }
    [ -n "$(mirrors)" ] || apt update || fail "apt cannot read this machine's own sources: $(last_words)"
    [ -n "$(mirrors)" ] || fail "no source in /etc/apt names a Debian mirror, so the Compose plugin of $suite cannot be found: install Compose v2 by hand"
    signed=
    [ ! -e /usr/share/keyrings/debian-archive-keyring.gpg ] || signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] '
    mirrors | while read -r mirror; do
        echo "deb $signed$mirror $suite main"
    done >sources.list
fi

# $private is a list of options made above, without spaces inside.
# shellcheck disable=SC2086
apt $private update || fail "apt cannot read ${suite:-the sources}: $(last_words)"
# shellcheck disable=SC2086
apt $private download "$package" || fail "apt cannot fetch the package $package${suite:+ of $suite}: $(last_words)"
dpkg-deb -x ./*.deb package
[ -x "package/$plugin" ] || fail "the package $package has no Compose plugin at /$plugin: install Compose v2 by hand"
"package/$plugin" version >/dev/null 2>&1 || fail "the Compose plugin of the package $package does not run on this machine: install Compose v2 by hand"

mkdir -p "$(dirname "$destination")"
# Beside its place first, so that an interrupted copy is never taken for the plugin.
install --mode=0755 "package/$plugin" "$destination.new"
mv "$destination.new" "$destination"
