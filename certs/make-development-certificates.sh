#!/bin/sh
# Makes a development CA and a server certificate signed by it. For trying things out: production certificates come from
# your own authority, and their private keys never leave the machine that serves.
#
# Usage: make-development-certificates.sh FOLDER HOSTNAME...
# Writes FOLDER/ca.pem, ca.key, server.pem, server.key (keys with mode 0600); refuses to overwrite.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 2 ] || { echo "usage: $0 FOLDER HOSTNAME..." >&2; exit 2; }
folder=$1
shift
umask 077
mkdir -p "$folder"
cd "$folder"
for file in ca.pem ca.key server.pem server.key; do
    [ ! -e "$file" ] || { echo "$folder/$file exists already; remove it if it is really to go" >&2; exit 1; }
done

names="IP:127.0.0.1,IP:::1"
for name in "$@"; do
    case $name in
    *[!A-Za-z0-9.*-]*) echo "expected a host name, found “$name”" >&2; exit 2 ;;
    esac
    names="DNS:$name,$names"
done
HOLDFAST_NAMES=$names
export HOLDFAST_NAMES

openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out ca.key
openssl req -x509 -new -sha256 -days 825 -key ca.key -out ca.pem \
    -config "$here/openssl.cnf" -extensions authority -subj "/O=Holdfast/CN=Holdfast development CA"
openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out server.key
openssl req -new -sha256 -key server.key -out server.csr -config "$here/openssl.cnf" -subj "/O=Holdfast/CN=$1"
openssl x509 -req -sha256 -days 397 -in server.csr -CA ca.pem -CAkey ca.key -set_serial "0x$(openssl rand -hex 15)" \
    -extfile "$here/openssl.cnf" -extensions server -out leaf.pem
cat leaf.pem > server.pem
rm -f server.csr leaf.pem
