#!/bin/sh
# Builds both images with docker, podman or buildah, whichever is there. Options are passed on.
set -eu

if docker info >/dev/null 2>&1; then
    build="docker build"
elif command -v podman >/dev/null; then
    build="podman build --format docker"
elif command -v buildah >/dev/null; then
    # Docker's format, as the other one knows no health checks.
    build="buildah build --format docker --isolation ${BUILDAH_ISOLATION:-chroot} --layers"
else
    echo "To build an image, install docker, podman or buildah." >&2
    exit 1
fi
$build --target worker --tag pal-e-mail:worker "$@" .
$build --target web --tag pal-e-mail:web --tag pal-e-mail:latest "$@" .
