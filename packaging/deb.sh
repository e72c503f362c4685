#!/usr/bin/env bash
# deb.sh PROGRAM OUT: makes a Debian package of a program that program.sh built, in the folder OUT, and prints its name.
# Needs dpkg-deb. The program must run here. DEB_MAINTAINER is whom the package names.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
program=$1 out=$2
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$(version)
architecture=$(dpkg --print-architecture)
documents "$program" "$work/documents"

root=$work/root
share=$root/usr/share
install -D -m 755 "$program" "$root/usr/bin/ftperm"
strip --strip-unneeded "$root/usr/bin/ftperm"
for page in "$work"/documents/man/*.1; do
    install -D -m 644 "$page" "$share/man/man1/$(basename "$page")"
done
gzip -9n "$share"/man/man1/*.1
install -D -m 644 "$work/documents/completions/ftperm.bash" "$share/bash-completion/completions/ftperm"
install -D -m 644 "$work/documents/completions/_ftperm" "$share/zsh/vendor-completions/_ftperm"
install -D -m 644 "$work/documents/completions/ftperm.fish" "$share/fish/vendor_completions.d/ftperm.fish"
install -D -m 644 README.md "$share/doc/ftperm/README.md"
install -D -m 644 CHANGELOG.md "$share/doc/ftperm/changelog"
gzip -9n "$share/doc/ftperm/changelog"
install -D -m 644 packaging/copyright "$share/doc/ftperm/copyright"
# The first command of the README has something to work on.
for file in demo.nnue selfplay.binpack; do
    install -D -m 644 "datasets/$file" "$share/doc/ftperm/datasets/$file"
done

# Whatever the program is linked with is in Debian's essential packages.
needs="libc6 (>= 2.17)"
if objdump -p "$root/usr/bin/ftperm" | grep -q 'NEEDED.*libgcc_s'; then
    needs="$needs, libgcc-s1 | libgcc1"
fi
mkdir "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<END
Package: ftperm
Version: $version
Architecture: $architecture
Maintainer: ${DEB_MAINTAINER:-The authors of ftperm <ftperm@example.invalid>}
Section: games
Priority: optional
Depends: $needs
Suggests: libvulkan1
Installed-Size: $(du -sk --apparent-size "$root/usr" | cut -f1)
Description: faster order for the neurons of chess NNUE networks
 Engines read the first layer of an NNUE network four bytes at a time and skip
 the four when all of them are zero. ftperm finds the order of the neurons with
 the most such blocks, proves that the network computes the same, and writes it.
END
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
chmod -R u=rwX,go=rX "$root"
file=$out/ftperm_${version}_$architecture.deb
# Not as zstd, which Debian's dpkg reads only since 12.
dpkg-deb -Zxz --root-owner-group --build "$root" "$file" >&2
echo "$file"
