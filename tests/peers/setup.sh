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

debian() { # PACKAGE...
  # Where there is an init, packages would start their services.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
  fi
  apt-get update -qq
  # Nothing is lost if the machine goes down meanwhile: what is half installed is installed again.
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-unsafe-io \
    install --no-install-recommends "$@" > /dev/null
  # This one leaves an agent running that holds the keys of its rules.
  [[ " $* " != *" spamd "* ]] || gpgconf --homedir /var/lib/spamassassin/sa-update-keys --kill gpg-agent
}

read -ra wanted <<< "$(packages debian)"
[ ${#wanted[@]} -eq 0 ] || debian "${wanted[@]}"

read -ra wanted <<< "$(packages pip)"
if [ ${#wanted[@]} -gt 0 ]; then
  python3 -c 'import venv, pip' 2> /dev/null || debian python3-venv python3-pip
  [ -e "$home/venv/bin/python" ] || python3 -m venv --without-pip "$home/venv"
  python3 -m pip --python "$home/venv/bin/python" install --quiet --no-compile "${wanted[@]}"
fi

read -ra wanted <<< "$(packages npm)"
if [ ${#wanted[@]} -gt 0 ]; then
  command -v npm > /dev/null || debian npm
  npm install --silent --no-audit --no-fund --prefix "$home/npm" "${wanted[@]}"
fi
