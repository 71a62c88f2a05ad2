#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs Gradle on this project: the one on PATH or, where there is none, the package of a Debian-like
# system, installed first. The build works with Debian's 4.4.1 and with today's, so no version is
# fetched and no jar is checked in.
set -eu
cd "$(dirname "$0")"

if ! command -v gradle >/dev/null; then
    command -v apt-get >/dev/null || {
        echo "gradlew: no gradle on PATH and no apt-get to install it with; please install Gradle 4.4.1 or later" >&2
        exit 1
    }
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    echo "gradlew: no gradle on PATH; installing the distribution's: $as_root apt-get install gradle" >&2
    $as_root apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends gradle >&2
fi

exec gradle "$@"
