#!/usr/bin/env bash
# Fuzzes each target for so many seconds, two side by side, from its seeds and what earlier runs found:
#
#    fuzz/run.sh [SECONDS [TARGET...]]        60 seconds, all targets
#    RUNS=5000000 fuzz/run.sh                 so many executions instead, shared among the targets, the same ones each time
#    TOTAL=100000000 fuzz/run.sh 4500         a part, of so many seconds in all, of a long run: what was found and how many
#                                             executions there were is kept (fuzz/total), and the next call goes on from there,
#                                             or begins anew where the library is another
#    fuzz/run.sh --build                      builds the targets, and no more
#
# Says how many executions there were of each target and in all; they are figures where nothing was found and a long run is at
# its end. Needs cargo and a C++ compiler, and no nightly: it builds as cargo-fuzz does, which works with these folders as well.
# Exits with 1 if an input broke a promise, took too long, or if fewer executions were made than asked for; with 3 if a long run
# is not at its end. The input is in fuzz/artifacts then, and to try it again is
#
#    fuzz/target/…/release/TARGET INPUT
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-60}
targets=("${@:2}")
# What takes longest first, so that both processors are busy to the end.
[ ${#targets[@]} -gt 0 ] || targets=(cursor decode roundtrip format calls connection)
# Of so many executions, how many parts each gets: one of a connection takes as long as fifty of a cursor.
declare -A share=([connection]=2 [calls]=4 [decode]=20 [format]=30 [roundtrip]=60 [cursor]=384)
# Most inputs are short, which are many a second; some have room for long streams. Bytes, and how many of ten parts.
lengths=([128]=9 [512]=1)
host=$(rustc -vV | sed -n 's/^host: //p')
programs=${CARGO_TARGET_DIR:-target}/$host/release
state=total
# So many executions are the same ones each time: what is found then is kept from no run to the next.
corpora=corpus
if [ -n "${RUNS:-}" ]; then
  corpora=$(TMPDIR=$([ -w /dev/shm ] && echo /dev/shm || echo /tmp) mktemp -d)
  trap 'rm -rf "$corpora"' EXIT
fi

# Sanitizers and coverage are not stable features: RUSTC_BOOTSTRAP lets the stable compiler have them. Compares are not traced:
# what that would find out, the mutator and the dictionary know, and it takes a third of the time.
build() {
  local flags=(
    -Zsanitizer=address -Cpasses=sancov-module -Ccodegen-units=1 --cfg fuzzing
    -Cllvm-args=-sanitizer-coverage-level=3 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
  )
  # Where clang has brought libFuzzer, it need not be compiled.
  local fuzzer
  fuzzer=$(clang -print-file-name="libclang_rt.fuzzer-$(uname -m).a" 2> /dev/null) || true
  [ ! -e "$fuzzer" ] || export CUSTOM_LIBFUZZER_PATH=$fuzzer
  RUSTC_BOOTSTRAP=1 RUSTFLAGS="${flags[*]}" cargo build --locked --release --target "$host" --bins
}

# How long a target is to run with inputs of this length, in libFuzzer's words.
limit() { # TARGET LENGTH
  local part=${lengths[$2]}
  if [ -n "${RUNS:-}" ]; then
    # The plain schedule: the other spends half of the time on choosing inputs.
    echo "-runs=$(($(runs "$1") * part / 10 + 1)) -seed=1 -reload=0 -entropic=0"
  elif [ -n "${TOTAL:-}" ]; then
    echo "-max_total_time=$((seconds * 2 * part / 10 / ${#targets[@]} + 1)) -entropic=0" # 0 would be without end
  else
    echo "-max_total_time=$((seconds * part / 10 + 1))"
  fi
}

runs() { # TARGET
  local all=0 target
  for target in "${targets[@]}"; do all=$((all + ${share[$target]})); done
  echo $(((RUNS * ${share[$1]} + all - 1) / all))
}

# Each target starts from the seeds of all: an input means something to every one.
fuzz() { # TARGET
  local began=$SECONDS log=$programs/$1.log length
  mkdir -p "$corpora/$1" "artifacts/$1"
  for length in "${!lengths[@]}"; do
    if ! fuzz_with "$1" "$length" >> "$log" 2>&1 || [ "$(executed "$1")" -eq 0 ]; then
      printf '%-10s FAILED; all that it says is in %s\n' "$1" "$log"
      sed -n '/panicked at/,/^stack backtrace/p; /ERROR: /p; /^SUMMARY/p; /Test unit written/p' "$log"
      return 1
    fi
  done
  printf '%-10s %10d runs in %4d s, nothing found\n' "$1" "$(executed "$1")" $((SECONDS - began))
}

# A step that takes seconds is not linear; an allocation of 16 MiB follows what was announced, not what came. Memory that was
# freed is kept from use long enough with 16 MiB of it, which stay in the processor's cache. Where it was allocated is told by
# trying the input again without these options.
fuzz_with() { # TARGET LENGTH
  local options=quarantine_size_mb=16:malloc_context_size=1:detect_stack_use_after_return=0
  # shellcheck disable=SC2046
  RUST_BACKTRACE=1 ASAN_OPTIONS=$options "$programs/$1" "$corpora/$1" seeds/* \
    -dict=words.dict $(limit "$1" "$2") -max_len="$2" -timeout=5 -malloc_limit_mb=16 -rss_limit_mb=1024 \
    -artifact_prefix="artifacts/$1/" -print_final_stats=1
}

executed() { # TARGET
  awk '/^stat::number_of_executed_units:/ { all += $2 } END { print all + 0 }' "$programs/$1.log"
}

# What a long run tries: the library's source.
tried() { find ../src -name '*.rs' -print0 | sort -z | xargs -0 cat | cksum | tr ' ' -; }

# Executions in the parts of a long run before this one.
before() { # TARGET
  [ -z "${TOTAL:-}" ] || awk -v tried="$(tried)" -v target="$1" \
    'NR == 1 && $2 != tried { exit } $1 == target { print $2 }' "$state" 2> /dev/null || true
}

# Two at a time. Says whether all went well.
fuzz_all() {
  local target result=0
  for target in "${targets[@]}"; do
    while [ "$(jobs -pr | wc -l)" -ge 2 ]; do wait -n || result=1; done
    fuzz "$target" &
  done
  while [ -n "$(jobs -p)" ]; do wait -n || result=1; done
  return $result
}

figure() { # KEY VALUE WHAT
  [ -z "${FDWIRE_FIGURES:-}" ] || printf '%s\t%s\t%s\n' "$1" "$2" "$3" >> "$FDWIRE_FIGURES"
}

build
[ "${1:-}" != --build ] || exit 0
for target in "${targets[@]}"; do rm -f "$programs/$target.log"; done
fuzz_all || exit 1
all=0
declare -A ran
for target in "${targets[@]}"; do
  ran[$target]=$(($(executed "$target") + $(before "$target") + 0))
  all=$((all + ${ran[$target]}))
done
echo "$all executions in all"
if [ "$all" -lt "${RUNS:-0}" ]; then
  echo "fewer than the $RUNS that were asked for"
  exit 1
fi
if [ -n "${TOTAL:-}" ]; then
  {
    echo "tried $(tried)"
    for target in "${targets[@]}"; do echo "$target ${ran[$target]}"; done
  } > "$state"
  if [ "$all" -lt "$TOTAL" ]; then
    echo "of $TOTAL; to be continued"
    exit 3
  fi
fi
for target in "${targets[@]}"; do
  figure "fuzz.$target" "${ran[$target]}" "inputs run by this target, nine of ten up to 128 bytes, the others up to 512"
done
figure fuzz.executions "$all" "inputs run by all fuzz targets, each under AddressSanitizer"
