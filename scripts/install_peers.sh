#!/bin/sh
# The real programs that tests talk to: Orthanc with its DICOMweb plugin, dcmtk (storescu, storescp, echoscu),
# dicom3tools (dciodvfy), PixelMed (Java, without a screen), PostgreSQL (psql tells that it is there; tests start servers
# of their own), a browser (Chromium with its driver), and by npm the library that OHIF reads segmentations with and axe,
# which looks for what keeps people from using a page. What cannot be installed is named, and its tests are skipped by
# name.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)

# From Debian's packages, when the user is root.
install_programs() {
    missing=""
    for pair in Orthanc:orthanc storescu:dcmtk dciodvfy:dicom3tools java:default-jre-headless psql:postgresql \
        chromium:chromium chromedriver:chromium-driver; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || [ -x "/usr/sbin/${pair%%:*}" ] || missing="$missing ${pair##*:}"
    done
    for pair in Python:orthanc-python DicomWeb:orthanc-dicomweb; do
        [ -e "/usr/share/orthanc/plugins/libOrthanc${pair%%:*}.so" ] || missing="$missing ${pair##*:}"
    done
    [ -e /usr/share/java/pixelmed.jar ] || missing="$missing libpixelmed-java"
    [ -n "$missing" ] || return 0

    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "test peers not installed (needs root and apt-get):$missing"
        return 0
    fi

    echo "installing test peers:$missing"
    export DEBIAN_FRONTEND=noninteractive
    # Run level 1 keeps the packages from starting their system services: each test starts a server of its own.
    export RUNLEVEL=1
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# From the lock file beside the tests, into build/, which is no part of the source tree. Needs no root.
install_library() {
    folder="$root/build/peers/$1"
    lock="$root/tests/peers/$1/package-lock.json"
    cmp -s "$lock" "$folder/.installed" && return 0

    if ! command -v npm >/dev/null 2>&1 || ! command -v node >/dev/null 2>&1; then
        echo "test peers not installed (need node and npm): $2"
        return 0
    fi

    echo "installing test peers: $2"
    mkdir -p "$folder"
    cp "$root/tests/peers/$1/package.json" "$lock" "$folder/"
    if npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --silent >/dev/null 2>&1; then
        cp "$lock" "$folder/.installed"
    else
        rm -rf "$folder"
        echo "test peers not installed (npm could not fetch them): $2"
    fi
}

install_programs
install_library viewer "the viewer's library"
install_library axe "axe"
