#!/usr/bin/env bash
# Installs the peers that are not there yet, and starts none of them: tests/peers/setup.sh [all]
#
# Without all, those that CI speaks with, from Debian's packages. With it every one: some come in a Python environment and as
# modules for Node, in target/peers.
set -euo pipefail
cd "$(dirname "$0")/../.."
of=${1:-ci}
home=target/peers

packages() { python3 tests/peers/run.py --packages "$1" "$of"; } # KIND

read -ra wanted <<< "$(packages debian)"
[ ${#wanted[@]} -eq 0 ] || .ci/debian "${wanted[@]}"

read -ra wanted <<< "$(packages pip)"
if [ ${#wanted[@]} -gt 0 ]; then
  python3 -c 'import venv, pip' 2> /dev/null || .ci/debian python3-venv python3-pip
  [ -e "$home/venv/bin/python" ] || python3 -m venv --without-pip "$home/venv"
  python3 -m pip --python "$home/venv/bin/python" install --quiet --no-compile "${wanted[@]}"
fi

read -ra wanted <<< "$(packages npm)"
if [ ${#wanted[@]} -gt 0 ]; then
  command -v npm > /dev/null || .ci/debian npm
  npm install --silent --no-audit --no-fund --prefix "$home/npm" "${wanted[@]}"
fi
