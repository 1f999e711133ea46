#!/usr/bin/env bash
# Builds the twelve sandbox images on this Docker host; no registry takes part.
# usage: build.sh BUILD_ROOT ARCHIVE_NAME RELEASE DIGEST SUITE [MIRROR] [NPM_REGISTRY]
# Safe to kill at any moment: what is unfinished lies in a folder of its own, removed by the next run; a tag is set
# only on a finished image.
set -euo pipefail
export DOCKER_BUILDKIT=0 # the classic builder is the one that every supported engine has without a plugin

build_root=$1 archive=$1/$2 release=$3 digest=$4 suite=$5 mirror=${6:-} npm_registry=${7:-}
services=(db kong auth rest realtime storage imgproxy meta functions analytics vector studio)
name=supafleet-sandbox

fail() {
  echo "$1" >&2
  exit 1
}

mkdir -p "$build_root"
exec 9> "$build_root/lock"
flock -w 1800 9 || fail "another build of the sandbox images has held $build_root/lock for half an hour"
work=$build_root/work
rm -rf --one-file-system "$work"
trap 'rm -rf --one-file-system "$work" "$archive"' EXIT
mkdir -m 0700 "$work" "$work/context"
# what a run left that was killed before this script started
find "$build_root" -maxdepth 1 -name 'supafleet-sandbox-*.tar.gz' -mmin +1440 -delete
tar -xzf "$archive" -C "$work/context"

# "types uris suites" of every source this machine uses, whichever of the two formats it is written in
sources() {
  { cat /etc/apt/sources.list.d/*.sources 2> /dev/null || true; } | awk -v RS='' '{
    types = uris = suites = ""; enabled = 1; count = split($0, lines, "\n")
    for (i = 1; i <= count; i++) {
      key = tolower(lines[i]); value = lines[i]; sub(/:.*/, "", key); sub(/^[^:]*: */, "", value); gsub(/ +/, ",", value)
      if (key == "types") types = value; else if (key == "uris") uris = value
      else if (key == "suites") suites = value; else if (key == "enabled" && value == "no") enabled = 0
    }
    if (enabled && uris != "") print types, uris, suites }'
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2> /dev/null || true; } | sed -E 's/\[[^]]*\]//' | awk '$1 == "deb" { print $1, $2, $3 }'
}

first_uri() { # pattern of the suites
  sources | awk -v pattern="$1" '!found && $1 ~ /(^|,)deb(,|$)/ && $3 ~ pattern { split($2, uris, ","); print uris[1]; found = 1 }'
}

security=
if [ -z "$mirror" ]; then
  hint="name one with make up MIRROR=http://..., or set sandbox_images_mirror"
  # shellcheck disable=SC1091
  codename=$(. /etc/os-release && [ "${ID:-}" = debian ] && echo "$VERSION_CODENAME" || true)
  [ -n "$codename" ] || fail "this machine is not Debian, so it names no Debian mirror: $hint"
  mirror=$(first_uri "(^|,)$codename(,|\$)")
  [ -n "$mirror" ] || fail "the apt sources of this machine name no mirror for $codename: $hint"
  security=$(first_uri "$codename-security")
fi
proxy=$(apt-config dump Acquire::http::Proxy 2> /dev/null | sed -n 's/.*"\(.*\)";/\1/p' | tail -n 1)
if [ -n "$proxy" ] && [ "$proxy" != DIRECT ]; then export http_proxy=${http_proxy:-$proxy}; fi
if [ -z "$npm_registry" ] && command -v npm > /dev/null; then npm_registry=$(npm config get registry 2> /dev/null); fi
[ "$npm_registry" != undefined ] || npm_registry=

rootfs=$name/rootfs:$suite-$(printf '%s\n' "$suite" "$mirror" "$security" | sha256sum | cut -c 1-12)
if ! docker image inspect "$rootfs" > /dev/null 2>&1; then
  command -v debootstrap > /dev/null || fail "debootstrap is not installed on this machine"
  debootstrap --variant=minbase "$suite" "$work/rootfs" "$mirror" > "$work/debootstrap.log" 2>&1 \
    || fail "debootstrap of $suite failed: $(tail -n 1 "$work/debootstrap.log")"
  {
    echo "deb $mirror $suite main"
    [ -z "$security" ] || echo "deb $security $suite-security main"
  } > "$work/rootfs/etc/apt/sources.list"
  printf 'path-exclude=/usr/share/%s/*\n' doc man info locale > "$work/rootfs/etc/dpkg/dpkg.cfg.d/small"
  echo 'Acquire::Languages "none";' > "$work/rootfs/etc/apt/apt.conf.d/small"
  rm -rf "$work"/rootfs/var/{cache/apt,lib/apt/lists}/* "$work"/rootfs/usr/share/{doc,man,info,locale}/*
  tar -C "$work/rootfs" --numeric-owner --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' -c . | docker import - "$rootfs" > /dev/null
  rm -rf --one-file-system "$work/rootfs"
fi

# behind a proxy that re-signs TLS only the machine's own bundle of certificates helps
cp /etc/ssl/certs/ca-certificates.crt "$work/context/host-ca.crt" 2> /dev/null || : > "$work/context/host-ca.crt"
arguments=(--build-arg "ROOTFS=$rootfs" --build-arg "NPM_REGISTRY=$npm_registry")
for variable in http_proxy https_proxy no_proxy; do
  if [ -n "${!variable:-}" ]; then arguments+=(--build-arg "$variable"); fi
done
build() { # target, tag; the host's network, because a mirror may be reachable from there only
  docker build --network host "${arguments[@]}" --target "$1" --tag "$2" "$work/context" > "$work/build.log" 2>&1 \
    || fail "building $2 failed: $(tail -n 15 "$work/build.log")"
}
# the tags keep the cached layers alive when someone prunes untagged images
build packages "$name/packages:latest"
base=$name/base:$release-$digest
build base "$base"

for service in "${services[@]}"; do
  docker build --build-arg "BASE=$base" --tag "$name/$service:$release-$digest" - < "$work/context/services/$service.Dockerfile" \
    > "$work/build.log" 2>&1 || fail "building $name/$service failed: $(tail -n 5 "$work/build.log")"
done
echo "built ${#services[@]} images $name/*:$release-$digest"
