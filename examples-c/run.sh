#!/bin/sh
# Runs every example: the echo server and its client over TCP and over a Unix socket, then each of the others.
set -u
cd "$(dirname "$0")/build" || exit 1
folder=$(mktemp -d) || exit 1
server=
trap 'test -n "$server" && kill "$server" 2>/dev/null; rm -rf "$folder"' EXIT

failed=0
verdict() { # NAME STATUS
  if [ "$2" -eq 0 ]; then echo "ok: $1"; else echo "FAILED: $1"; failed=$((failed + 1)); fi
  echo
}

head -c 5000000 /dev/urandom > "$folder/binary" || exit 1

echo_over() { # ADDRESS
  echo "--- echo over $1"
  : > "$folder/server"
  ./echo_server "$1" 1 > "$folder/server" &
  server=$!
  tries=0
  until address=$(sed -n 's/^listening on //p' "$folder/server") && [ -n "$address" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
      verdict "echo over $1: the server does not start" 1
      return
    fi
    sleep 0.05
  done
  ./echo_client "$address" "hello, wire" "" "@$folder/binary" "@./echo_client"
  client=$?
  [ "$client" -eq 0 ] || kill "$server" 2>/dev/null
  wait "$server" && [ "$client" -eq 0 ]
  status=$?
  server=
  sed 's/^/  server: /' "$folder/server"
  verdict "echo over $1" "$status"
}

echo_over 127.0.0.1:0
echo_over "unix:$folder/echo.sock"
for example in mysocket half_close pipe byte_order; do
  echo "--- $example"
  "./$example"
  verdict "$example" $?
done

if [ "$failed" -eq 0 ]; then
  echo "All examples passed: every message came through as it was sent."
else
  echo "$failed of the examples FAILED."
  exit 1
fi
