// Messages from Go, with cgo.
//
//	lib=$PWD/target/release
//	CGO_CFLAGS=-I$PWD/include CGO_LDFLAGS="-L$lib -Wl,-rpath,$lib" go run tests/ffi/go/talk.go unix:target/hall go 1
//
// It talks to tests/ffi/server.c, started as "server unix:target/hall 1": greets all who take part, has messages sent
// back one by one and in batches, and meets some errors.
package main

/*
#cgo LDFLAGS: -lfdwire
#include <errno.h>
#include <fdwire.h>
#include <stdlib.h>
*/
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"unsafe"
)

// The binding. A call that waits keeps a thread of the system, and no other goroutine.

const timeout = 30_000

// Error is a code of fdwire's, -errno among them.
type Error int

const (
	TooLong  = Error(C.FDWIRE_E_TOO_LONG)
	TryAgain = Error(-C.EAGAIN)
)

func (e Error) Error() string { return C.GoString(C.fdwire_error_name(C.int(e))) }

func check(result C.int) error {
	if result < 0 {
		return Error(result)
	}
	return nil
}

// Format has to be freed.
type Format struct{ c *C.fdwire_format }

func NewFormat(text string) (Format, error) {
	var format Format
	var why [200]C.char
	ctext := C.CString(text)
	defer C.free(unsafe.Pointer(ctext))
	if err := check(C.fdwire_format_new(ctext, &format.c, &why[0], C.size_t(len(why)))); err != nil {
		return format, errors.New(C.GoString(&why[0]))
	}
	return format, nil
}

func (f Format) Free() { C.fdwire_format_free(f.c) }

// Conn has to be closed, when no call is waiting.
type Conn struct {
	c    *C.fdwire_conn
	msgs [256]C.fdwire_msg
}

func Dial(address string, format Format) (*Conn, error) {
	caddress := C.CString(address)
	defer C.free(unsafe.Pointer(caddress))
	fd := C.fdwire_connect(caddress, timeout)
	if err := check(fd); err != nil {
		return nil, err
	}
	conn := &Conn{}
	if err := check(C.fdwire_conn_new(fd, fd, format.c, &conn.c)); err != nil {
		C.fdwire_close(fd)
		return nil, err
	}
	return conn, check(C.fdwire_conn_set(conn.c, C.FDWIRE_OWN, C.FDWIRE_BOTH)) // it closes fd
}

func (conn *Conn) Close() { C.fdwire_conn_free(conn.c) }

func start(body []byte) unsafe.Pointer {
	if len(body) == 0 {
		return nil
	}
	return unsafe.Pointer(&body[0])
}

func (conn *Conn) Send(body []byte) error {
	return check(C.fdwire_conn_send(conn.c, start(body), C.size_t(len(body)), timeout))
}

// SendMany packs the bodies: structs that C gets may not point to Go's memory.
func (conn *Conn) SendMany(bodies ...[]byte) error {
	if len(bodies) == 0 {
		return nil
	}
	packed, lens := bytes.Join(bodies, nil), make([]C.size_t, len(bodies))
	for i, body := range bodies {
		lens[i] = C.size_t(len(body))
	}
	return check(C.fdwire_conn_send_packed(conn.c, start(packed), &lens[0], C.size_t(len(lens)), timeout))
}

func endOrError(result C.int) error {
	if result == 0 {
		return io.EOF
	}
	return Error(result)
}

// Receive gives the next message, or io.EOF.
func (conn *Conn) Receive(timeout int) ([]byte, error) {
	if result := C.fdwire_conn_recv(conn.c, &conn.msgs[0], C.int(timeout)); result != 1 {
		return nil, endOrError(result)
	}
	return body(&conn.msgs[0]), nil
}

// ReceiveMany gives as many messages as are there, at least one, or io.EOF.
func (conn *Conn) ReceiveMany() ([][]byte, error) {
	var count C.size_t
	result := C.fdwire_conn_recv_many(conn.c, &conn.msgs[0], C.size_t(len(conn.msgs)), &count, timeout)
	if result != 1 {
		return nil, endOrError(result)
	}
	bodies := make([][]byte, count)
	for i := range bodies {
		bodies[i] = body(&conn.msgs[i])
	}
	return bodies, nil
}

// A copy: what lies there is lent until the next receive.
func body(msg *C.fdwire_msg) []byte { return C.GoBytes(unsafe.Pointer(msg.body), C.int(msg.body_len)) }

func (conn *Conn) CloseWrite() error {
	return check(C.fdwire_conn_shutdown(conn.c, C.FDWIRE_SHUT_WR, timeout))
}

// The program.

func must[T any](value T, err error) T {
	expect(fmt.Sprint(err), err == nil)
	return value
}

func expect(what string, isSo bool) {
	if !isSo {
		fmt.Fprintln(os.Stderr, "not as it should be:", what)
		os.Exit(1)
	}
}

func main() {
	address, name, participants := os.Args[1], os.Args[2], must(strconv.Atoi(os.Args[3]))
	_, wrong := NewFormat("u32le maxx=1M")
	expect("a wrong format", wrong != nil)
	format := must(NewFormat("u32le max=1M"))
	defer format.Free()

	conn := must(Dial(address, format))
	_, nothing := conn.Receive(0)
	expect("nothing is there yet", nothing == TryAgain)

	expect("a greeting can be sent", conn.Send([]byte("hello from "+name)) == nil)
	var met []string
	for len(met) < participants {
		greeting := string(must(conn.Receive(timeout)))
		expect("greetings", strings.HasPrefix(greeting, "hello from "))
		met = append(met, strings.TrimPrefix(greeting, "hello from "))
	}
	sort.Strings(met)

	var binary []byte
	for i := 0; i < 256; i++ {
		binary = append(binary, byte(i))
	}
	echoes := [][]byte{{}, binary, bytes.Repeat(binary, 400)}
	for _, body := range echoes {
		expect("a message can be sent", conn.Send(body) == nil)
		expect("a message that comes back", bytes.Equal(must(conn.Receive(timeout)), body))
	}

	var batch, received [][]byte
	for i := 0; i < 1000; i++ {
		batch = append(batch, []byte(strings.Repeat(strconv.Itoa(i), i%8)))
	}
	expect("a batch can be sent", conn.SendMany(batch...) == nil && conn.CloseWrite() == nil)
	for {
		bodies, err := conn.ReceiveMany()
		if err == io.EOF {
			break
		}
		received = append(received, must(bodies, err)...)
	}
	expect("a batch that comes back", fmt.Sprint(received) == fmt.Sprint(batch))
	conn.Close()

	conn = must(Dial(address, format))
	expect("too much can be asked for", conn.Send([]byte("too much, please")) == nil)
	_, tooLong := conn.Receive(timeout)
	expect("more than the format allows", tooLong == TooLong)
	conn.Close()

	fmt.Printf("%s met %s; %d echoes, %d in batches; %v, %v; %v\n",
		name, strings.Join(met, ", "), len(echoes), len(received), nothing, tooLong, wrong)
}
