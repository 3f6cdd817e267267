// One end of the streams of compare.py, in Go: "peer-go send" or "peer-go receive", and orders as peer.py has them.
package main

/*
#cgo LDFLAGS: -lfdwire
#include <fdwire.h>
#include <stdlib.h>
*/
import "C"

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"
)

const (
	most  = 1024 // messages a call
	batch = 256 << 10
)

// What is received stays valid until the next receive.
type contestant interface {
	send(bodies [][]byte)
	flush()
	receive() [][]byte
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer.go:", err)
		os.Exit(1)
	}
}

// Go's own sockets: a call to send a message, two or more to receive one.
type loop struct {
	conn net.Conn
	out  []byte
	body []byte
}

func newLoop(fd int) *loop {
	file := os.NewFile(uintptr(fd), "stream")
	conn, err := net.FileConn(file)
	must(err)
	must(file.Close())
	return &loop{conn: conn}
}

func (l *loop) send(bodies [][]byte) {
	for _, body := range bodies {
		l.out = binary.BigEndian.AppendUint32(l.out[:0], uint32(len(body)))
		l.out = append(l.out, body...)
		_, err := l.conn.Write(l.out)
		must(err)
	}
}

func (l *loop) flush() {}

func (l *loop) receive() [][]byte { return l.from(l.conn) }

func (l *loop) from(input io.Reader) [][]byte {
	var head [4]byte
	_, err := io.ReadFull(input, head[:])
	must(err)
	if length := int(binary.BigEndian.Uint32(head[:])); cap(l.body) >= length {
		l.body = l.body[:length]
	} else {
		l.body = make([]byte, length)
	}
	_, err = io.ReadFull(input, l.body)
	must(err)
	return [][]byte{l.body}
}

// Go's own buffers.
type buffered struct {
	loop
	in  *bufio.Reader
	out *bufio.Writer
}

func newBuffered(fd int) *buffered {
	l := newLoop(fd)
	return &buffered{*l, bufio.NewReaderSize(l.conn, 64<<10), bufio.NewWriterSize(l.conn, 64<<10)}
}

func (b *buffered) send(bodies [][]byte) {
	var head [4]byte
	for _, body := range bodies {
		binary.BigEndian.PutUint32(head[:], uint32(len(body)))
		b.out.Write(head[:]) // an error is told by Flush too
		b.out.Write(body)
	}
}

func (b *buffered) flush() { must(b.out.Flush()) }

func (b *buffered) receive() [][]byte { return b.from(b.in) }

// fdwire, a call a message.
type one struct {
	conn   *C.fdwire_conn
	msgs   *[most]C.fdwire_msg // in C's memory, which cgo need not look through for pointers to Go's
	bodies [][]byte
}

func check(result C.int) bool {
	if result < 0 {
		fmt.Fprintln(os.Stderr, "peer.go:", C.GoString(C.fdwire_error_name(result)))
		os.Exit(1)
	}
	return result > 0
}

func newOne(fd int) *one {
	o := &one{msgs: (*[most]C.fdwire_msg)(C.calloc(most, C.sizeof_fdwire_msg))}
	check(C.fdwire_conn_new(C.int(fd), C.int(fd), nil, &o.conn))
	check(C.fdwire_conn_set(o.conn, C.FDWIRE_ONE_THREAD, C.FDWIRE_BOTH))
	check(C.fdwire_conn_set(o.conn, C.FDWIRE_BATCH, batch))
	return o
}

func start(bytes []byte) unsafe.Pointer {
	if len(bytes) == 0 {
		return nil
	}
	return unsafe.Pointer(&bytes[0])
}

func (o *one) send(bodies [][]byte) {
	for _, body := range bodies {
		check(C.fdwire_conn_send(o.conn, start(body), C.size_t(len(body)), -1))
	}
}

func (o *one) flush() { check(C.fdwire_conn_flush(o.conn, -1)) }

func (o *one) receive() [][]byte {
	check(C.fdwire_conn_recv(o.conn, &o.msgs[0], -1))
	return o.lent(1)
}

func (o *one) lent(count int) [][]byte {
	o.bodies = o.bodies[:0]
	for i := range o.msgs[:count] {
		msg := &o.msgs[i]
		o.bodies = append(o.bodies, unsafe.Slice((*byte)(msg.body), int(msg.body_len)))
	}
	return o.bodies
}

// fdwire, many messages a call, a struct for each.
type many struct {
	one
	room unsafe.Pointer // C's memory: Go's may not be pointed to from there
	cap  int
}

func newMany(fd int) *many { return &many{one: *newOne(fd)} }

func (m *many) send(bodies [][]byte) {
	all := 0
	for _, body := range bodies {
		all += len(body)
	}
	if m.cap < all {
		m.room, m.cap = C.realloc(m.room, C.size_t(all)), all
	}
	room, at := unsafe.Slice((*byte)(m.room), m.cap), 0
	for i, body := range bodies {
		m.msgs[i] = C.fdwire_msg{body: (*C.uint8_t)(unsafe.Add(m.room, at)), body_len: C.size_t(len(body))}
		at += copy(room[at:], body)
	}
	check(C.fdwire_conn_send_many(m.conn, &m.msgs[0], C.size_t(len(bodies)), -1))
}

func (m *many) receive() [][]byte {
	var count C.size_t
	check(C.fdwire_conn_recv_many(m.conn, &m.msgs[0], most, &count, -1))
	return m.lent(int(count))
}

// fdwire, many messages a call, packed.
type packed struct {
	one
	room []byte
	lens [most]C.size_t
	out  []byte
}

func newPacked(fd int) *packed { return &packed{one: *newOne(fd), room: make([]byte, batch)} }

func (p *packed) send(bodies [][]byte) {
	p.out = p.out[:0]
	for i, body := range bodies {
		p.out = append(p.out, body...)
		p.lens[i] = C.size_t(len(body))
	}
	check(C.fdwire_conn_send_packed(p.conn, start(p.out), &p.lens[0], C.size_t(len(bodies)), -1))
}

func (p *packed) receive() [][]byte {
	var count C.size_t
	for {
		result := C.fdwire_conn_recv_packed(p.conn, start(p.room), C.size_t(len(p.room)), &p.lens[0], most, &count, -1)
		if result != -C.int(syscall.ENOBUFS) {
			check(result)
			break
		}
		p.room = make([]byte, p.lens[0])
	}
	bodies, rest := p.bodies[:0], p.room
	for _, length := range p.lens[:count] {
		bodies = append(bodies, rest[:length])
		rest = rest[length:]
	}
	p.bodies = bodies
	return bodies
}

// As many as make a batch, of which no two neighbours are alike.
func bodiesOf(size int) [][]byte {
	count := batch / size
	if count > most {
		count = most
	} else if count == 0 {
		count = 1
	}
	all := bytes.Repeat([]byte("0123456789abcdefg"), (size+count)/17+1)
	bodies := make([][]byte, count)
	for i := range bodies {
		bodies[i] = all[i : i+size]
	}
	return bodies
}

func send(c contestant, size int, seconds float64) int {
	bodies, messages := bodiesOf(size), 0
	for end := time.Now().Add(time.Duration(seconds * 1e9)); ; {
		c.send(bodies)
		messages += len(bodies)
		if !time.Now().Before(end) {
			break
		}
	}
	c.send([][]byte{{}})
	c.flush()
	return messages
}

func receive(c contestant, size int, seconds float64) int {
	expected, messages := bodiesOf(size), 0
	for {
		for _, body := range c.receive() {
			switch {
			case len(body) == 0:
				return messages
			case len(body) != size, seconds == 0 && !bytes.Equal(body, expected[messages]):
				must(fmt.Errorf("message %d is not the one that was sent", messages))
			}
			messages++
		}
	}
}

func cpu() int64 {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func main() {
	roles := map[string]func(contestant, int, float64) int{"send": send, "receive": receive}
	contestants := map[string]func(int) contestant{
		"loop":   func(fd int) contestant { return newLoop(fd) },
		"bufio":  func(fd int) contestant { return newBuffered(fd) },
		"one":    func(fd int) contestant { return newOne(fd) },
		"many":   func(fd int) contestant { return newMany(fd) },
		"packed": func(fd int) contestant { return newPacked(fd) },
	}
	role, open := roles[os.Args[1]], map[int]contestant{}
	for {
		var fd, size int
		var name string
		var seconds float64
		if _, err := fmt.Scanln(&fd, &name, &size, &seconds); err != nil {
			return // no more orders
		}
		if open[fd] == nil {
			open[fd] = contestants[name](fd)
		}
		before, begin := cpu(), time.Now().UnixNano()
		messages := role(open[fd], size, seconds)
		fmt.Println(messages, begin, time.Now().UnixNano(), cpu()-before)
	}
}
