#!/usr/bin/env bash
# The soak: tests/soak/run.sh [MESSAGES]     50,000,000, which takes some ten minutes; 500,000 are a few seconds
#
# Before it, a leak of 16 bytes a connection is planted in a short one, which has to see it. Needs cargo and a C compiler.
set -euo pipefail
cd "$(dirname "$0")"

messages=${1:-50000000}
target=${CARGO_TARGET_DIR:-../../target}

cargo build --locked --release --lib --manifest-path ../../Cargo.toml --target-dir "$target"
program=$target/release/soak
"${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Wpedantic -Werror -I ../../include -I ../c soak.c -o "$program" \
  "$target/release/libfdwire.a" -lpthread -ldl -lm

if env -u FDWIRE_FIGURES "$program" 100000 leak > /dev/null; then
  echo "a leak that was planted was not seen"
  exit 1
fi
"$program" "$messages"
