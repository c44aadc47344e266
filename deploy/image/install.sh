#!/bin/sh
# Installs pal-e-mail in an image that is being built: install.sh worker|web
set -eu

environment=/opt/pal-e-mail
python -m venv --without-pip "$environment"
pip() { /tools/bin/pip --python "$environment/bin/python" install --no-cache-dir --no-deps "$@"; }
pip --require-hashes --requirement "deploy/image/$1.txt"
pip --no-index /wheels/pal_e_mail-*.whl

# What nothing reads in a running container.
cd "$environment"/lib/python3*/site-packages
find . -type d -name tests -prune -exec rm -r {} +
rm -rf pyarrow/include
find googleapiclient/discovery_cache/documents -name '*.json' ! -name 'gmail.v1.json' -delete

# Copying changes the files' times, so Python would consider the bytecode stale and recompile a
# third of it at each start. Bytecode with an unchecked hash is always used as it is.
python -m compileall -q -f -j 0 --invalidation-mode unchecked-hash "$environment/lib"
