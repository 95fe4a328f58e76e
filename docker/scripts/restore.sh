#!/bin/sh
# Unpacks what backup.sh made into a folder that is empty or not there yet, to be mounted at /var/data.
# Usage: restore.sh FILE.tar.gz DATA_FOLDER
# As root it gives the files to user 1000, which our images run as.
# Exit code 0: everything is there. 1: it failed; the folder is not to be used. 2: wrong words.
set -eu
umask 077

fail() {
  echo "restore: $*" >&2
  exit 1
}

if [ $# -ne 2 ]; then
  sed -n '3,4s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
file=$1
data=$2

[ -f "$file" ] || fail "$file is no file"
if [ -e "$data" ]; then
  [ -d "$data" ] || fail "$data is no folder"
  [ -z "$(ls -A -- "$data")" ] || fail "$data is not empty; move what is in it away"
fi

if [ -f "$file.sha256" ]; then
  wanted=$(cut -d' ' -f1 <"$file.sha256")
  actual=$(sha256sum <"$file" | cut -d' ' -f1)
  [ "$wanted" = "$actual" ] || fail "$file is not what $file.sha256 says: it was damaged or changed"
else
  echo "restore: no $file.sha256, so only the form of the file is checked" >&2
fi
names=$(tar -tzf "$file") || fail "$file cannot be read"
if printf '%s\n' "$names" | grep -qE '^/|(^|/)\.\.(/|$)'; then
  fail "$file has names that lead out of the folder"
fi

mkdir -p -- "$data"
tar -C "$data" -xzpf "$file" --no-same-owner
if [ -d "$data/keys" ]; then
  find "$data/keys" -type d -exec chmod 700 {} +
  find "$data/keys" -type f -exec chmod 600 {} +
fi
if [ "$(id -u)" = 0 ]; then
  chown -R 1000:1000 -- "$data"
else
  echo "restore: the files belong to $(id -un); the images run as user 1000" >&2
fi
echo "$data: $(find "$data" -type f | wc -l) files"
