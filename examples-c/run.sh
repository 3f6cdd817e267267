#!/bin/sh
# Runs every example, and holds what comes out against what should: the echo server and its client over TCP and over a
# Unix socket, decode_stdin with streams of several formats, a chat of hundreds, proxies, a peer on pipes, large files,
# wirecat, then those that need nobody else.
set -u
cd "$(dirname "$0")/build" || exit 1
folder=$(mktemp -d) || exit 1
running= # the programs in the background
trap 'stop_all; rm -rf "$folder"' EXIT

failed=0
verdict() { # NAME STATUS
  if [ "$2" -eq 0 ]; then echo "ok: $1"; else echo "FAILED: $1"; failed=$((failed + 1)); fi
  echo
}

head -c 5000000 /dev/urandom > "$folder/binary" || exit 1

# Starts a program that listens, and sets $address to where. What it prints goes to LOG.
start() { # LOG PROGRAM ARGUMENT...
  log=$1
  shift
  : > "$log"
  timeout 100 "$@" > "$log" 2>&1 &
  running="$running $!"
  tries=0
  until address=$(sed -n 's/^listening on //p' "$log") && [ -n "$address" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$!" 2>/dev/null; then
      echo "$1 does not start"
      return 1
    fi
    sleep 0.05
  done
}

# Waits for all that were started, none of which may have failed.
join_all() {
  joined=0
  for pid in $running; do
    wait "$pid" || joined=1
  done
  running=
  return $joined
}

stop_all() {
  for pid in $running; do
    kill "$pid" 2>/dev/null
  done
  for pid in $running; do
    wait "$pid" 2>/dev/null
  done
  running=
}

# The end of a run with programs in the background: if it went wrong until here, they are not waited for.
join_or_stop() { # STATUS
  if [ "$1" -eq 0 ]; then join_all; else stop_all; return 1; fi
}

echo_over() { # ADDRESS
  echo "--- echo over $1"
  start "$folder/log" ./echo_server "$1" 1 &&
    timeout 60 ./echo_client "$address" "hello, wire" "" "@$folder/binary" "@./echo_client"
  join_or_stop $?
  status=$?
  sed 's/^/  server: /' "$folder/log"
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

# All hear all others, round after round, though one more client, the first, never reads.
chat() { # FORMAT CLIENTS ROUNDS
  echo "--- chat_server and $2 of chat_clients, $1"
  start "$folder/log" ./chat_server "unix:$folder/chat$2.sock" "$1" $(($2 + 1)) &&
    timeout 60 ./chat_clients "$address" "$1" "$2" "$3"
  join_or_stop $? && [ "$(grep -c 'client [0-9]* said .*: ended$' "$folder/log")" -eq "$2" ] &&
    grep -q '^client 1 said 0, .*: dropped, since it reads too slowly' "$folder/log"
  status=$?
  grep -v ': ended$' "$folder/log" | sed 's/^/  server: /'
  verdict "chat_server and $2 of chat_clients, $1" "$status"
}

chat "line max=8K" 300 15
chat "u32be max=8K" 200 20

echo "--- proxy between echo_client and echo_server"
start "$folder/log" ./echo_server 127.0.0.1:0 2 &&
  start "$folder/proxy" ./proxy u32be "unix:$folder/proxy.sock" "$address" 2 &&
  timeout 60 ./echo_client "$address" "hello, wire" "" "@$folder/binary" "@./echo_client" &&
  timeout 60 ./echo_client "$address" "hello again"
join_or_stop $?
status=$?
sed 's/^/  proxy: /' "$folder/proxy"
verdict "proxy between echo_client and echo_server" "$status"

# Two proxies in a row, with recorded streams at both ends; what comes out is compared byte for byte. The first stream
# is read only when two megabytes of it are on their way, so that the proxies are full: they must not take more then.
echo "--- proxy - and proxy -, postgres"
{ printf 'Q\0\0\0\15SELECT 1\0d\0\0\47\24' && head -c 10000 "$folder/binary"; } > "$folder/there"
for doubling in 1 2 3 4 5 6 7 8 9 10 11; do
  cat "$folder/there" "$folder/there" > "$folder/double" && mv "$folder/double" "$folder/there"
done
printf 'X\0\0\0\4' >> "$folder/there"
{ printf 'R\0\0\0\10\0\0\0\0Z\0\0\0\5Id\0\114\113\104' && cat "$folder/binary" "$folder/there"; } > "$folder/back"
mkfifo "$folder/fifo"
{ until [ -e "$folder/sent" ]; do sleep 0.05; done; cat; } < "$folder/fifo" > "$folder/there.out" &
running="$running $!"
start "$folder/server" sh -c 'exec ./proxy postgres "unix:$0/proxy.sock" - < "$0/back" > "$0/fifo"' "$folder" && {
  head -c 2000000 "$folder/there"
  : > "$folder/sent"
  tail -c +2000001 "$folder/there"
} | timeout 60 ./proxy postgres - "$address" > "$folder/back.out" 2> "$folder/client"
join_or_stop $? && cmp "$folder/there" "$folder/there.out" && cmp "$folder/back" "$folder/back.out"
status=$?
sed 's/^/  proxy: /' "$folder/client" "$folder/server"
for most in $(sed -n 's/^from the client: .* at most \([0-9]*\) waited$/\1/p' "$folder/client" "$folder/server"); do
  [ "$most" -lt 2000000 ] || status=1
done
verdict "proxy - and proxy -, postgres" "$status"

# What stdio_peer answers to the recorded stream.
answers() { # ARGUMENT...
  echo "--- stdio_peer $*"
  cat "$folder/stream" | timeout 60 ./stdio_peer "$@" 2> "$folder/log" | cat > "$folder/shown"
  sed 's/^/  /' "$folder/log"
  cmp "$folder/shown" "$folder/expected"
  verdict "stdio_peer $*" $?
}

lsp() {
  printf 'Content-Length: %d\r\n\r\n%s' "${#1}" "$1"
}
native() { # a length in the order of this machine, here below 256
  case $(printf '\1\0' | od -An -tu2) in
  *256*) printf "\\0\\0\\0\\$(printf %03o "${#1}")%s" "$1" ;;
  *) printf "\\$(printf %03o "${#1}")\\0\\0\\0%s" "$1" ;;
  esac
}

{ lsp '"ping"'; lsp '{"id":1}'; lsp ''; lsp '"exit"'; lsp 'no more'; } > "$folder/stream"
{ lsp '"pong"'; lsp '{"id":1}'; lsp ''; } > "$folder/expected"
answers lsp
{ lsp '"ping"'; lsp '"far too long for twelve"'; lsp '"ping"'; } > "$folder/stream"
{ lsp '"pong"'; lsp '"too long"'; lsp '"pong"'; } > "$folder/expected"
answers "lsp max=12"
{ native '"ping"'; native '{"text":"\u00e9"}'; native '"ping"'; } > "$folder/stream"
{ native '"pong"'; native '{"text":"\u00e9"}'; native '"pong"'; } > "$folder/expected"
answers chrome-native-messaging

# An answer comes before the next request.
echo "--- stdio_peer, in turns"
mkfifo "$folder/requests" "$folder/answers"
timeout 60 ./stdio_peer lsp < "$folder/requests" > "$folder/answers" &
running="$running $!"
exec 3> "$folder/requests" 4< "$folder/answers"
lsp '"pong"' > "$folder/expected"
status=0
for turn in 1 2 3; do
  lsp '"ping"' >&3
  timeout 10 head -c "$(wc -c < "$folder/expected")" <&4 | cmp - "$folder/expected" || status=1
done
exec 3>&-
join_or_stop "$status"
verdict "stdio_peer, in turns" $?
exec 4<&-

head -c 300000000 /dev/urandom > "$folder/large" || exit 1
: > "$folder/empty"

sends() { # FILE ADDRESS OPTION...
  file=$1 at=$2
  shift 2
  echo "--- send_file $file $*"
  start "$folder/log" ./receive_file "$at" "$folder/received" &&
    timeout 60 ./send_file "$@" "$address" "$folder/$file" 2> "$folder/progress"
  join_or_stop $? && cmp "$folder/$file" "$folder/received"
  status=$?
  tr '\r' '\n' < "$folder/progress" | tail -n 1
  sed 's/^/  receiver: /' "$folder/log"
  verdict "send_file $file $*" "$status"
}

sends large 127.0.0.1:0 --progress
sends large "unix:$folder/file.sock" --parts --progress
sends empty 127.0.0.1:0 --parts
sends empty 127.0.0.1:0

# A file that is cut off on its way arrives as one that was cut off, through the proxy as well.
echo "--- receive_file, cut off"
start "$folder/log" ./receive_file 127.0.0.1:0 "$folder/received"
printf '\0\0\0\0\0\0\3\350its beginning' | timeout 60 ./proxy u64be - "$address" 2> "$folder/proxy"
proxied=$?
join_or_stop 0
[ $? -eq 1 ] && [ "$proxied" -eq 1 ] && grep -q FDWIRE_E_TRUNCATED "$folder/log" &&
  [ "$(cat "$folder/received")" = "its beginning" ]
status=$?
sed 's/^/  proxy: /' "$folder/proxy"
sed 's/^/  receiver: /' "$folder/log"
verdict "receive_file, cut off" "$status"

# wirecat at both ends, which show what the other has sent, each in a form of its own.
echo "--- wirecat, at both ends"
start "$folder/log" ./wirecat -f lsp -o json --listen "unix:$folder/cat.sock" -m '{"id":1}' -m '{"id":2}' &&
  printf '%s\n' '{"method":"exit"}' | timeout 60 ./wirecat -f lsp -s head,body "$address" > "$folder/shown"
join_or_stop $? && grep -qF '"body":"{\"method\":\"exit\"}"}' "$folder/log" &&
  [ "$(tail -n 1 "$folder/shown")" = 'Content-Length: 8\r\n\r\n|{"id":2}' ]
status=$?
sed 's/^/  /' "$folder/shown"
sed 's/^/  server: /' "$folder/log"
verdict "wirecat, at both ends" "$status"

others="mysocket half_close pipe byte_order custom_format"
if [ -x ./tls_decoder ]; then others="$others tls_decoder tls_echo"; fi
for example in $others; do
  echo "--- $example"
  timeout 60 "./$example"
  verdict "$example" $?
done

if [ ! -x ./tls_decoder ]; then
  echo "skipped: tls_decoder and tls_echo, which need the headers of OpenSSL 3 (libssl-dev)"
fi
if [ "$failed" -eq 0 ]; then
  echo "All examples passed: every message came through as it was sent."
else
  echo "$failed of the examples FAILED."
  exit 1
fi
