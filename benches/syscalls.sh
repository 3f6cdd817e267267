#!/bin/sh
# Counts the system calls a message of the one-shot calls and of hand-written C, both processes together, and fails where
# fdwire makes more. What both need once is taken off by counting two runs of different lengths.
set -u
cd "$(dirname "$0")" || exit 1
command -v strace > /dev/null || { echo "strace is not to be had here"; exit 1; }
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

calls() { # MODE WORK COUNT
  strace -f -qq -c -U calls,name -o "$out" ./build/oneshot "$1" "$2" "$3" || { echo "strace failed" >&2; exit 1; }
  awk '$2 == "total" { print $1 }' "$out"
}

failed=0
echo "system calls a message, of both processes together"
for work in unix-64 tcp-64 unix-1k tcp-1k; do
  for mode in C fdwire look; do
    few=$(calls $mode $work 1000) && many=$(calls $mode $work 6000) || exit 1
    eval "per_$mode=$(((many - few) / 50))" # in hundredths
  done
  verdict=same
  [ "$per_fdwire" -le "$per_C" ] && [ "$per_look" -le "$per_C" ] || { verdict=MORE; failed=1; }
  printf '%-8s C %d.%02d   fdwire %d.%02d   fdwire, default format %d.%02d   %s\n' $work $((per_C / 100)) \
    $((per_C % 100)) $((per_fdwire / 100)) $((per_fdwire % 100)) $((per_look / 100)) $((per_look % 100)) $verdict
done
exit $failed
