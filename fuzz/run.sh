#!/usr/bin/env bash
# Fuzzes each target for so many seconds, from its seeds and what earlier runs found:
#
#    fuzz/run.sh [SECONDS [TARGET...]]        60 seconds, all targets
#
# Needs cargo and a C++ compiler, and no nightly: it builds as cargo-fuzz does, which works with these folders as well.
# Exits with 1 if an input broke a promise; the input is in fuzz/artifacts then, and to try it again is
#
#    fuzz/target/…/release/TARGET INPUT
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-60}
# With RUNS, so many executions instead, the same ones each time.
limit=(-max_total_time="$seconds")
[ -z "${RUNS:-}" ] || limit=(-runs="$RUNS" -seed=1)
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || targets=(format decode roundtrip)
host=$(rustc -vV | sed -n 's/^host: //p')
programs=${CARGO_TARGET_DIR:-target}/$host/release

# Sanitizers and coverage are not stable features: RUSTC_BOOTSTRAP lets the stable compiler have them.
build() {
  local flags=(
    -Zsanitizer=address -Cpasses=sancov-module -Ccodegen-units=1 --cfg fuzzing
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares
  )
  RUSTC_BOOTSTRAP=1 RUSTFLAGS="${flags[*]}" cargo build --locked --release --target "$host" --bins
}

# Each target starts from the seeds of all: an input means something to every one.
fuzz() { # TARGET
  local log=$programs/$1.log
  mkdir -p "corpus/$1" "artifacts/$1"
  # A step that takes seconds is not linear; an allocation of 16 MiB follows what was announced, not what came.
  if RUST_BACKTRACE=1 "$programs/$1" "corpus/$1" seeds/* -dict=words.dict "${limit[@]}" -max_len=2048 -timeout=5 \
    -malloc_limit_mb=16 -artifact_prefix="artifacts/$1/" -print_final_stats=1 > "$log" 2>&1; then
    printf '%-10s %s, nothing found\n' "$1" "$(sed -n 's/^Done //p' "$log")"
  else
    printf '%-10s FAILED; all that it says is in %s\n' "$1" "$log"
    sed -n '/panicked at/,/^stack backtrace/p; /ERROR: /p; /^SUMMARY/p; /Test unit written/p' "$log"
    return 1
  fi
}

build
result=0
for target in "${targets[@]}"; do
  fuzz "$target" || result=1
done
exit $result
