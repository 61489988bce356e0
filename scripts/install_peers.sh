#!/bin/sh
# The real programs that tests talk to: Orthanc, dcmtk (storescu, echoscu), dicom3tools (dciodvfy).
# Installed from Debian's packages when the user is root; otherwise named, and their tests are skipped by name.
set -eu

missing=""
for pair in Orthanc:orthanc storescu:dcmtk dciodvfy:dicom3tools; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || [ -x "/usr/sbin/${pair%%:*}" ] || missing="$missing ${pair##*:}"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "test peers not installed (needs root and apt-get):$missing"
    exit 0
fi

echo "installing test peers:$missing"
export DEBIAN_FRONTEND=noninteractive
# Run level 1 keeps the packages from starting their system services: each test starts a server of its own.
export RUNLEVEL=1
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
