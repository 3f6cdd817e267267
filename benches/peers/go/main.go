// Go's buffered I/O, with 64 KiB each way. The command line is that of every peer (../peer.h).
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sort"
	"strconv"
	"syscall"
	"time"
)

const (
	buffer = 64 << 10
	slots  = 256
	window = 128
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// stream is messages on a socket, and the bodies that are sent: they differ, and their sum is known.
type stream struct {
	in             *bufio.Reader
	out            *bufio.Writer
	head           [4]byte
	body           []byte
	bodies         [][]byte
	next           int
	sent, received uint64
}

func sumOf(body []byte) uint64 {
	return uint64(len(body))<<16 | uint64(body[0])<<8 | uint64(body[len(body)-1])
}

func open(fd, size int) *stream {
	conn, err := net.FileConn(os.NewFile(uintptr(fd), "socket"))
	must(err)
	s := &stream{in: bufio.NewReaderSize(conn, buffer), out: bufio.NewWriterSize(conn, buffer), body: make([]byte, size)}
	count := buffer / size
	if count > slots {
		count = slots
	}
	if count < 1 {
		count = 1
	}
	for i := 0; i < count; i++ {
		body := make([]byte, size)
		for j := range body {
			body[j] = 1
		}
		body[0], body[size-1] = byte(i), ^byte(i)
		s.bodies = append(s.bodies, body)
	}
	return s
}

func (s *stream) put(body []byte) {
	var head [4]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(body)))
	_, err := s.out.Write(head[:])
	must(err)
	_, err = s.out.Write(body)
	must(err)
}

func (s *stream) flush() {
	must(s.out.Flush())
}

func (s *stream) nextBody() []byte {
	body := s.bodies[s.next]
	if s.next++; s.next == len(s.bodies) {
		s.next = 0
	}
	return body
}

func (s *stream) hear() []byte {
	_, err := io.ReadFull(s.in, s.head[:])
	must(err)
	length := int(binary.BigEndian.Uint32(s.head[:]))
	if length > len(s.body) {
		must(errors.New("a message is too long"))
	}
	_, err = io.ReadFull(s.in, s.body[:length])
	must(err)
	s.received += sumOf(s.body[:length])
	return s.body[:length]
}

// hearOrFlush sends what waits before it waits itself.
func (s *stream) hearOrFlush() []byte {
	if s.in.Buffered() < 4+len(s.body) {
		s.flush()
	}
	return s.hear()
}

func (s *stream) send(count int) {
	for ; count > 0; count-- {
		s.put(s.nextBody())
	}
	s.flush()
}

func (s *stream) sendEach(count int) {
	for ; count > 0; count-- {
		s.put(s.nextBody())
		s.flush()
	}
}

func (s *stream) receive(count int) {
	for ; count > 0; count-- {
		s.hear()
	}
}

func (s *stream) ping(count int) []float64 {
	took := make([]float64, 0, count)
	for ; count > 0; count-- {
		start := time.Now()
		s.sendEach(1)
		s.hear()
		took = append(took, time.Since(start).Seconds()*1e6)
	}
	return took
}

func (s *stream) ask(count int) {
	for said, heard := 0, 0; heard < count; {
		if said < count && said-heard < window {
			s.put(s.nextBody())
			said++
		} else {
			s.hearOrFlush()
			heard++
		}
	}
}

func (s *stream) answer(count int) {
	for ; count > 0; count-- {
		body := s.hearOrFlush()
		s.sent += sumOf(body)
		s.put(body)
	}
	s.flush()
}

func (s *stream) work(name string, sends bool, count int) (took []float64) {
	switch {
	case name == "stream" && sends:
		s.send(count)
	case name == "each" && sends:
		s.sendEach(count)
	case name == "stream" || name == "each":
		s.receive(count)
	case name == "ping" && sends:
		took = s.ping(count)
	case name == "echo" && sends:
		s.ask(count)
	case name == "ping" || name == "echo":
		s.answer(count)
	default:
		must(errors.New("no such work"))
	}
	return took
}

func used() (float64, int64) {
	var u syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds(), u.Minflt
}

func number(i int) int {
	n, err := strconv.Atoi(os.Args[i])
	must(err)
	return n
}

func await(pipe int) {
	n, err := syscall.Read(pipe, make([]byte, 1))
	if err == nil && n != 1 {
		err = errors.New("the receiver has failed")
	}
	must(err)
}

func tell(pipe int) {
	_, err := syscall.Write(pipe, []byte("x"))
	must(err)
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println(runtime.Version())
		return
	}
	if len(os.Args) != 11 || os.Args[1] != "bufio" {
		must(errors.New("bufio ROLE TRANSPORT FD GO DONE SIZE COUNT WARM WORK"))
	}
	sends, work := os.Args[2] == "send", os.Args[10]
	goes, done, count, warm := number(5), number(6), number(8), number(9)
	s := open(number(4), number(7))

	s.work(work, sends, warm)
	if sends {
		await(goes)
	}
	cpu, faults := used()
	if !sends {
		tell(goes)
	}
	start := time.Now()
	took := s.work(work, sends, count)
	if sends {
		await(done)
	}
	seconds := time.Since(start).Seconds()
	afterCPU, afterFaults := used()
	if !sends {
		tell(done)
	}

	if sends {
		for i := 0; i < warm+count; i++ {
			s.sent += sumOf(s.bodies[i%len(s.bodies)])
		}
	}
	report := map[string]any{"seconds": seconds, "cpu": afterCPU - cpu, "faults": afterFaults - faults,
		"sent": s.sent, "received": s.received}
	if took != nil {
		sort.Float64s(took)
		report["p50"], report["p99"] = took[count/2], took[count*99/100]
	}
	must(json.NewEncoder(os.Stdout).Encode(report))
}
