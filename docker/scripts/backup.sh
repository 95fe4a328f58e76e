#!/bin/sh
# Packs what a service keeps under /var/data into one file: keys, pools and workers, orders, journal, audit log.
# Usage: backup.sh [--with-blocks] DATA_FOLDER FILE.tar.gz
#   DATA_FOLDER    what is mounted at /var/data, for example ./data/lifecycle; no service may be using it
#   --with-blocks  also the block store (the folder 0 in it), which can be fetched again but is large
# Exit code 0: the file is whole and has been read back. 1: it failed, and there is no file. 2: wrong words.
set -eu
umask 077

usage() {
  sed -n '3,6s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

fail() {
  echo "backup: $*" >&2
  exit 1
}

with_blocks=no
if [ "${1:-}" = --with-blocks ]; then
  with_blocks=yes
  shift
fi
[ $# -eq 2 ] || usage
data=$1
file=$2

[ -d "$data" ] || fail "$data is no folder"
[ ! -e "$file" ] || fail "$file is there already; nothing is overwritten"
case $(readlink -f -- "$(dirname -- "$file")")/ in
  "$(readlink -f -- "$data")"/*) fail "$file lies within what is to be packed" ;;
esac
[ -n "$(find "$data" -path '*/keys/*' -type f | head -n 1)" ] ||
  echo "backup: no keys under $data/keys; if PHALA_PEER_ID_PREFIX is elsewhere, keep a copy of that folder too" >&2

# A database that is written to while it is copied is not a copy of anything.
if [ -r /proc/locks ]; then
  find "$data" -name LOCK -type f | while IFS= read -r lock; do
    if awk -v inode="$(stat -c %i -- "$lock")" '
      { split($6, place, ":"); if (place[3] == inode) found = 1 }
      END { exit !found }' /proc/locks; then
      fail "$(dirname -- "$lock") is in use; stop the service first"
    fi
  done
else
  echo 'backup: cannot see here whether a service is running; make sure that none uses the folder' >&2
fi

partial=$file.partial
trap 'rm -f -- "$partial"' EXIT
trap 'exit 1' INT TERM HUP
set -- --exclude='*.sock' --exclude='*.tmp' --exclude='*.partial'
[ "$with_blocks" = yes ] || set -- "$@" --exclude=./0
tar -C "$data" "$@" -czf "$partial" .
tar -tzf "$partial" >/dev/null || fail 'what was written cannot be read back'
(cd "$(dirname -- "$file")" && sha256sum "$(basename -- "$partial")") |
  sed 's/\.partial$//' >"$file.sha256"
mv -- "$partial" "$file"
sync "$file" 2>/dev/null || sync
echo "$file: $(tar -tzf "$file" | grep -vc '/$') files, $(du -h -- "$file" | cut -f1)"
