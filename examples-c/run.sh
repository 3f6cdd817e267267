#!/bin/sh
# Runs every example: the echo server and its client over TCP and over a Unix socket, decode_stdin with streams of
# several formats, then each of the others.
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

# Pipes the recorded stream into decode_stdin, and holds what it shows, put on one line, against a pattern.
decodes() { # STATUS PATTERN ARGUMENT...
  expected=$1 pattern=$2
  shift 2
  echo "--- decode_stdin $*"
  cat "$folder/stream" | ./decode_stdin "$@" > "$folder/shown" 2>&1
  status=$?
  sed -e 's/^/  /' -e 12q "$folder/shown"
  [ "$status" -eq "$expected" ] && tr -s ' \n' ' ' < "$folder/shown" | grep -q "$pattern"
  verdict "decode_stdin $*" $?
}

message='Content-Length: 17\r\n\r\n{"method":"exit"}'
printf "$message$message" > "$folder/stream"
decodes 0 'message 2 at 39 head 22 .* body 17 "{"method":"exit"}" $' "headers length='Content-Length'"
printf 'R\0\0\0\10\0\0\0\0Z\0\0\0\5I' > "$folder/stream"
decodes 0 'message 1 at 0 head 5 .* body 4 00 00 00 00 .*message 2 at 9 head 5 .* body 1 "I" $' postgres
printf 'unix\ndos\r\n\nlast' > "$folder/stream"
decodes 0 'message 2 at 5 body 3 "dos" tail 2 0d 0a .*message 4 at 11 body 4 "last" $' "line eof=allow"
decodes 1 'message 3 at 10 .*message 4 at stream offset 11: the stream ended inside it' line
printf 'short\nfar too long for ten\nshort\n' > "$folder/stream"
decodes 0 'skipped: message 2 at stream offset 6: .*message 3 at 27 body 5 "short"' --skip "line max=10"
{ printf '\0\114\113\100' && cat "$folder/binary"; } > "$folder/stream"
decodes 0 'body 5000000 .*| \.\.\. $' u32be
printf 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n' > "$folder/stream"
decodes 1 'is the peer speaking HTTP?' kafka
decodes 0 'length: 4 bytes, big-endian' --describe kafka
decodes 0 'kafka i32be' --list
decodes 2 'column 7, "heads=8"' "u32be heads=8"

others="mysocket half_close pipe byte_order custom_format"
if [ -x ./tls_decoder ]; then others="$others tls_decoder"; fi
for example in $others; do
  echo "--- $example"
  timeout 60 "./$example"
  verdict "$example" $?
done

if [ ! -x ./tls_decoder ]; then
  echo "skipped: tls_decoder, which needs the headers of OpenSSL 3 (libssl-dev)"
fi
if [ "$failed" -eq 0 ]; then
  echo "All examples passed: every message came through as it was sent."
else
  echo "$failed of the examples FAILED."
  exit 1
fi
