#!/usr/bin/env bash
# Makes .venv with exactly what requirements.lock names, checked by hash. Called by `make install`.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
case $version in
  3.11|3.12|3.13) ;;
  *) echo "ALL-USE needs Python 3.11, 3.12 or 3.13; $python is $version. Try: make PYTHON=python3.11 $*" >&2; exit 2;;
esac
if ! [ -x .venv/bin/python ] || [ "$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" != "$version" ]; then
  rm -rf .venv
  if ! "$python" -m venv .venv 2>/dev/null; then
    rm -rf .venv
    echo "$python cannot make a virtual environment: install its venv module (Debian: apt-get install python$version-venv)" >&2
    exit 2
  fi
fi
echo "installing the pinned dependencies into .venv (once)"
# uv reads the same lock several times faster than pip; its own hash is in the lock as well.
awk '/^uv==/ {print; inside = 1; next} inside && /^    --hash/ {print; next} {inside = 0}' requirements.lock >.venv/uv.lock
.venv/bin/python -m pip install --quiet --no-deps --require-hashes -r .venv/uv.lock
.venv/bin/uv pip sync --quiet --compile-bytecode --require-hashes requirements.lock
.venv/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
echo "compiling the pricing code (once)"
.venv/bin/python -m alluse_assets.option_chains.pricing
