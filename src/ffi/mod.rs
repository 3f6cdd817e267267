//! fdwire: messages over file descriptors, in the wire format that the peer already speaks.
//!
//! It takes the descriptors that the program already has (TCP and Unix sockets, pipes, standard
//! input and output) and turns the bytes on them into whole messages and back:
//!
//!    int fd = fdwire_connect("127.0.0.1:9000", 5000);
//!    int result = fdwire_send(fd, NULL, "hello", 5, -1);
//!    size_t len;
//!    char reply[4096];
//!    while ((result = fdwire_recv(fd, NULL, reply, sizeof reply, &len, -1)) == 1)
//!        fwrite(reply, 1, len, stdout);
//!    fdwire_finish(fd, 1000);
//!
//! What holds everywhere, and is not said again below:
//!
//! Results. A function that can fail returns an int, and below 0 is failure, always: -errno of the
//! system (-ECONNRESET, -EBADF, ...), or one of the FDWIRE_E_ codes. errno itself means nothing
//! after a call. Sizes are given through size_t pointers, written on success only, unless it says
//! otherwise. A function that yields messages returns like read(2): 1 there is one, 0 there are no
//! more.
//!
//! Waiting. A timeout_ms is that of poll(2), and for the whole call: -1 waits as long as it takes,
//! 0 does not wait, n is a deadline that many milliseconds from now, however the bytes drip in.
//! What is not done at once with 0 is -EAGAIN; what is not done by the deadline is -ETIMEDOUT, and
//! nothing else is: a peer that the system gave up on (keepalive, TCP_USER_TIMEOUT) is
//! -ECONNRESET. Below -1 is -EINVAL. Only a write to a terminal or another device that is blocking
//! may take longer: that poll(2) calls it writable does not say for how much.
//!
//! Descriptors. Blocking or not, both work alike, and no flag or option of a descriptor is ever
//! changed. One is borrowed for the call only, unless the function says that it closes it; what
//! fdwire opens is close-on-exec, and the caller closes it. A negative or closed one is -EBADF; a
//! socket that keeps message boundaries (datagram, seqpacket) is -EPROTOTYPE. EINTR is retried,
//! SIGPIPE is never raised: a peer that is gone is -EPIPE or -ECONNRESET.
//!
//! Pointers. NULL where it is not allowed, a pointer to a number, a pointer or a struct that is not
//! aligned for it, and a range of more than PTRDIFF_MAX bytes are -EINVAL; bytes may lie anywhere.
//! NULL with length 0 is an empty range. No pointer of the caller's is kept after the call. Text is
//! UTF-8, NUL-terminated.
//!
//! What no check can see is undefined behaviour, as everywhere in C: a range that is not really
//! there; an object that was freed, is being freed, or is of another kind; what a call writes lying
//! over something else that it is given, where that is not allowed by name; lent bytes that are
//! read after they were given back. All else that a caller may do gets a code.
//!
//! Threads. Any function may be called from any thread at any time; what two calls may share is
//! said where it matters. Signals are left alone: a signal mask is the same after a call as before
//! it.

// The C names are the names: one thing is called the same on both sides.
#![allow(non_camel_case_types)]
// The comments are written for readers of the header.
#![allow(clippy::missing_safety_doc, rustdoc::broken_intra_doc_links)]
// Exported by their symbols, not by Rust's paths.
#![allow(unreachable_pub)]
#![allow(unsafe_code)]

mod callback;
mod functions;
mod gate;
mod guard;
mod shared;
mod wide;

// A chapter of the header each; build.rs has their order.
mod address;
mod byte_order;
mod connection;
mod cursor;
mod decoder;
mod end;
mod errors;
mod exact;
mod format;
mod message;
mod options;
mod packed;
mod receive;
mod transmit;
