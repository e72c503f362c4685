# What the scripts of this folder have in common; they read it after `cd` to the repository.
# shellcheck shell=bash

# The version, as Cargo.toml has it.
version() {
    cargo metadata --no-deps --format-version 1 |
        python3 -c 'import json, sys
print(next(p for p in json.load(sys.stdin)["packages"] if p["name"] == "ftperm")["version"])'
}

# Files in archives are as old as the last commit, so that the same source gives the same archive.
SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH

# documents PROGRAM FOLDER: manual pages and completions, as the program itself prints them, in FOLDER/man and
# FOLDER/completions.
documents() {
    mkdir -p "$2/completions"
    "$1" --no-config --quiet man "$2/man" >/dev/null
    "$1" --no-config completions bash >"$2/completions/ftperm.bash"
    "$1" --no-config completions zsh >"$2/completions/_ftperm"
    "$1" --no-config completions fish >"$2/completions/ftperm.fish"
    "$1" --no-config completions powershell >"$2/completions/ftperm.ps1"
}

# check_glibc FILE VERSION: fails if FILE needs a newer glibc.
check_glibc() {
    local newest
    newest=$(objdump -T "$1" | grep -oE 'GLIBC_[0-9.]+' | sort -Vu | tail -n 1)
    if [ "$(printf '%s\n' "GLIBC_$2" "$newest" | sort -V | tail -n 1)" != "GLIBC_$2" ]; then
        echo "$1 needs $newest, newer than GLIBC_$2" >&2
        return 1
    fi
    echo "$1 needs ${newest:-no glibc}" >&2
}
