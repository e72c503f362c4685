#!/usr/bin/env bash
# test-deb.sh DEB [ROOT]: makes a clean Debian in the folder ROOT with debootstrap, or takes the one that is there,
# installs a package into it with dpkg, and runs the first command of the README. Needs root.
set -euo pipefail
deb=$1
root=${2:-}
if [ -z "$root" ]; then
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT
fi
[ -e "$root/etc/debian_version" ] || debootstrap --variant=minbase bookworm "$root" >&2
cp "$deb" "$root/ftperm.deb"
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root "$@"; }
inside dpkg --install /ftperm.deb
inside sh -euc '
    cd "$(mktemp -d)"
    shipped=/usr/share/doc/ftperm/datasets
    ftperm optimize --net $shipped/demo.nnue --data $shipped/selfplay.binpack
    test -s nn-*.nnue
    test -s nn-*.perm.txt
    ls /usr/share/man/man1/ftperm-optimize.1.gz /usr/share/bash-completion/completions/ftperm'
inside dpkg --purge ftperm
if inside test -e /usr/bin/ftperm; then
    echo "the package leaves files behind" >&2
    exit 1
fi
rm "$root/ftperm.deb"
echo "the package works in a clean root"
