// Messages from Go, with cgo.
//
//	lib=$PWD/target/release
//	CGO_CFLAGS=-I$PWD/include CGO_LDFLAGS="-L$lib -Wl,-rpath,$lib" go run tests/ffi/go/talk.go unix:/tmp/hall go 1
//
// It talks to tests/ffi/server.c, started as "server unix:/tmp/hall 1": greets all who take part, has messages sent back
// one by one and in batches, and meets some errors.
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

// Receive gives the next message, or io.EOF.
func (conn *Conn) Receive(timeout int) ([]byte, error) {
	switch result := C.fdwire_conn_recv(conn.c, &conn.msgs[0], C.int(timeout)); result {
	case 1:
		return body(&conn.msgs[0]), nil
	case 0:
		return nil, io.EOF
	default:
		return nil, Error(result)
	}
}

// ReceiveMany gives as many messages as are there, at least one, or io.EOF.
func (conn *Conn) ReceiveMany() ([][]byte, error) {
	var count C.size_t
	result := C.fdwire_conn_recv_many(conn.c, &conn.msgs[0], C.size_t(len(conn.msgs)), &count, timeout)
	if result == 0 {
		return nil, io.EOF
	}
	bodies := make([][]byte, count)
	for i := range bodies {
		bodies[i] = body(&conn.msgs[i])
	}
	return bodies, check(result)
}

// A copy: what lies there is lent until the next receive.
func body(msg *C.fdwire_msg) []byte { return C.GoBytes(unsafe.Pointer(msg.body), C.int(msg.body_len)) }

func (conn *Conn) CloseWrite() error {
	return check(C.fdwire_conn_shutdown(conn.c, C.FDWIRE_SHUT_WR, timeout))
}

// The program.

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "talk.go:", err)
		os.Exit(1)
	}
}

func expect(what string, isSo bool) {
	if !isSo {
		must(errors.New("not as it should be: " + what))
	}
}

func dial(address string, format Format) *Conn {
	conn, err := Dial(address, format)
	must(err)
	return conn
}

func greet(conn *Conn, name string, participants int) []string {
	must(conn.Send([]byte("hello from " + name)))
	var met []string
	for len(met) < participants {
		greeting, err := conn.Receive(timeout)
		must(err)
		expect("greetings", bytes.HasPrefix(greeting, []byte("hello from ")))
		met = append(met, string(greeting[len("hello from "):]))
	}
	sort.Strings(met)
	return met
}

func receiveAll(conn *Conn) [][]byte {
	var received [][]byte
	for {
		bodies, err := conn.ReceiveMany()
		if err == io.EOF {
			return received
		}
		must(err)
		received = append(received, bodies...)
	}
}

func main() {
	address, name := os.Args[1], os.Args[2]
	participants, err := strconv.Atoi(os.Args[3])
	must(err)
	_, wrong := NewFormat("u32le maxx=1M")
	expect("a wrong format", wrong != nil)
	format, err := NewFormat("u32le max=1M")
	must(err)
	defer format.Free()

	conn := dial(address, format)
	_, nothing := conn.Receive(0)
	expect("nothing is there yet", nothing == TryAgain)
	met := greet(conn, name, participants)

	var binary []byte
	for i := 0; i < 256; i++ {
		binary = append(binary, byte(i))
	}
	echoes := [][]byte{{}, binary, bytes.Repeat(binary, 400)}
	for _, body := range echoes {
		must(conn.Send(body))
		echo, err := conn.Receive(timeout)
		must(err)
		expect("a message that comes back", bytes.Equal(echo, body))
	}

	batch := make([][]byte, 1000)
	for i := range batch {
		batch[i] = []byte(strings.Repeat(strconv.Itoa(i), i%8))
	}
	must(conn.SendMany(batch...))
	must(conn.CloseWrite())
	received := receiveAll(conn)
	expect("a batch of as many messages", len(received) == len(batch))
	for i, body := range received {
		expect("a batch that comes back", bytes.Equal(body, batch[i]))
	}
	conn.Close()

	conn = dial(address, format)
	must(conn.Send([]byte("too much, please")))
	_, tooLong := conn.Receive(timeout)
	expect("more than the format allows", tooLong == TooLong)
	conn.Close()

	fmt.Printf("%s met %s; %d echoes, %d in batches; %v, %v; %v\n",
		name, strings.Join(met, ", "), len(echoes), len(received), nothing, tooLong, wrong)
}
