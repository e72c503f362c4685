#!/usr/bin/env bash
# container.sh DEB IMAGE [BASE]: builds the image from a Debian package with podman, buildah or docker, whichever is
# there, on the base that Containerfile names, or on BASE.
set -euo pipefail
deb=$1 image=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$deb" "$work/ftperm.deb"
arguments=(--tag "$image" --file "$here/Containerfile" --build-arg DEB=ftperm.deb)
[ $# -lt 3 ] || arguments+=(--build-arg BASE="$3")
for builder in podman buildah docker; do
    command -v "$builder" >/dev/null || continue
    "$builder" build "${arguments[@]}" "$work"
    exit
done
echo "podman, buildah or docker is needed" >&2
exit 1
