//! Connections as a C program has them: the functions of `include/fdwire.h`, declared and wrapped by hand.
//!
//! Results are the codes themselves. A panic is none that a program may see, contained or not.

use crate::c::{self, Format, Msg, NO_MSG, Opaque, code, printed};
use std::ffi::{c_char, c_int, c_void};
use std::ptr::{null, null_mut};

/// `FDWIRE_OWN` and so on.
pub mod option {
    #![allow(missing_docs)] // the header says it
    use std::ffi::c_int;
    pub const SEND_LIMIT: c_int = 2;
    pub const READ_SIZE: c_int = 3;
    pub const BATCH: c_int = 4;
    pub const ONE_THREAD: c_int = 5;
    pub const TAKE_FDS: c_int = 6;
    pub const CANCELLED: c_int = 7;
    pub const SPIN: c_int = 8;
    pub const POLLED: c_int = 9;
}

/// `FDWIRE_READY`
pub const READY: c_int = 65536;

/// `fdwire_stats`
#[repr(C)]
#[derive(Debug, Default, Clone, Copy)]
#[allow(missing_docs)] // the header says it
pub struct Stats {
    pub messages_in: u64,
    pub messages_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub reads: u64,
    pub writes: u64,
    pub buffered: u64,
    pub pending: u64,
    pub memory: u64,
}

/// `fdwire_slice`
#[repr(C)]
#[allow(missing_docs)] // the header says it
pub struct Slice {
    pub base: *const u8,
    pub len: usize,
}

/// `fdwire_read_fn`
pub type ReadFn = unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> i64;
/// `fdwire_writev_fn`
pub type WritevFn = unsafe extern "C" fn(*mut c_void, *const Slice, usize) -> i64;
/// `fdwire_wait_fn`
pub type WaitFn = unsafe extern "C" fn(*mut c_void, c_int, c_int) -> c_int;

unsafe extern "C" {
    fn fdwire_conn_new(in_fd: c_int, out_fd: c_int, format: *const Opaque, out: *mut *mut Opaque) -> c_int;
    fn fdwire_conn_new_over(
        read: ReadFn,
        writev: WritevFn,
        wait: WaitFn,
        ctx: *mut c_void,
        format: *const Opaque,
        out: *mut *mut Opaque,
    ) -> c_int;
    fn fdwire_conn_free(conn: *mut Opaque);
    fn fdwire_conn_set(conn: *mut Opaque, option: c_int, value: i64) -> c_int;
    fn fdwire_conn_set_format(conn: *mut Opaque, directions: c_int, format: *const Opaque) -> c_int;
    fn fdwire_conn_events(conn: *mut Opaque) -> c_int;
    fn fdwire_conn_cancel(conn: *mut Opaque) -> c_int;
    fn fdwire_conn_stats(conn: *mut Opaque, stats: *mut Stats, size: usize) -> c_int;
    fn fdwire_conn_explain(conn: *mut Opaque, buf: *mut c_char, cap: usize) -> usize;
    fn fdwire_conn_shutdown(conn: *mut Opaque, how: c_int, timeout_ms: c_int) -> c_int;
    fn fdwire_conn_finish(conn: *mut Opaque, unsent: *mut u64, timeout_ms: c_int) -> c_int;
    fn fdwire_conn_pending(conn: *mut Opaque) -> u64;
    fn fdwire_conn_recv(conn: *mut Opaque, msg: *mut Msg, timeout_ms: c_int) -> c_int;
    fn fdwire_conn_recv_many(
        conn: *mut Opaque,
        msgs: *mut Msg,
        cap: usize,
        count: *mut usize,
        timeout_ms: c_int,
    ) -> c_int;
    fn fdwire_conn_recv_into(
        conn: *mut Opaque,
        body: *mut c_void,
        cap: usize,
        len: *mut usize,
        timeout_ms: c_int,
    ) -> c_int;
    fn fdwire_conn_recv_packed(
        conn: *mut Opaque,
        bodies: *mut c_void,
        cap: usize,
        lens: *mut usize,
        most: usize,
        count: *mut usize,
        timeout_ms: c_int,
    ) -> c_int;
    fn fdwire_conn_recv_begin(conn: *mut Opaque, head: *mut Msg, body_len: *mut u64, timeout_ms: c_int) -> c_int;
    fn fdwire_conn_recv_part(
        conn: *mut Opaque,
        buf: *mut c_void,
        cap: usize,
        got: *mut usize,
        timeout_ms: c_int,
    ) -> c_int;
    fn fdwire_conn_skip(conn: *mut Opaque) -> c_int;
    fn fdwire_conn_unread(conn: *mut Opaque, ptr: *mut *const c_void, len: *mut usize) -> c_int;
    fn fdwire_conn_take_fds(conn: *mut Opaque, fds: *mut c_int, cap: usize, count: *mut usize) -> c_int;
    fn fdwire_conn_send(conn: *mut Opaque, body: *const c_void, len: usize, timeout_ms: c_int) -> c_int;
    fn fdwire_conn_send_many(conn: *mut Opaque, msgs: *const Msg, count: usize, timeout_ms: c_int) -> c_int;
    fn fdwire_conn_send_packed(
        conn: *mut Opaque,
        bodies: *const c_void,
        lens: *const usize,
        count: usize,
        timeout_ms: c_int,
    ) -> c_int;
    fn fdwire_conn_queue(conn: *mut Opaque, msgs: *const Msg, count: usize) -> c_int;
    fn fdwire_conn_flush(conn: *mut Opaque, timeout_ms: c_int) -> c_int;
    fn fdwire_conn_send_begin(
        conn: *mut Opaque,
        head: *const c_void,
        head_len: usize,
        body_len: u64,
        timeout_ms: c_int,
    ) -> c_int;
    fn fdwire_conn_send_part(conn: *mut Opaque, buf: *const c_void, len: usize, timeout_ms: c_int) -> c_int;
    fn fdwire_conn_send_file(conn: *mut Opaque, file: c_int, offset: u64, len: u64, timeout_ms: c_int) -> c_int;
    fn fdwire_conn_send_fds(
        conn: *mut Opaque,
        body: *const c_void,
        len: usize,
        fds: *const c_int,
        count: usize,
        timeout_ms: c_int,
    ) -> c_int;
}

/// A code that this library documents for calls on connections over good descriptors.
fn documented(result: c_int) -> c_int {
    use code::*;
    let known = [
        TRUNCATED,
        MALFORMED,
        TOO_LONG,
        BROKEN,
        EAGAIN,
        EBUSY,
        EINVAL,
        EPIPE,
        EMSGSIZE,
        EOPNOTSUPP,
        ECONNRESET,
        ENOBUFS,
        ETOOMANYREFS,
        ETIMEDOUT,
        ECANCELED,
    ];
    assert_ne!(result, PANIC, "a panic, contained");
    assert!(result >= 0 || known.contains(&result), "{result} is not what any call returns here");
    result
}

/// `fdwire_conn`
pub struct Conn(*mut Opaque);

impl Conn {
    /// `fdwire_conn_new`
    pub fn new(in_fd: c_int, out_fd: c_int, format: &Format) -> Conn {
        let mut conn = null_mut();
        // SAFETY: the format lives, and `conn` may be written.
        c::expect(unsafe { fdwire_conn_new(in_fd, out_fd, format.0, &mut conn) }, 0, "conn_new");
        Conn(conn)
    }

    /// `fdwire_conn_new_over`
    ///
    /// # Safety
    /// The functions take this context, which lives until the connection is dropped.
    pub unsafe fn over(read: ReadFn, writev: WritevFn, wait: WaitFn, ctx: *mut c_void, format: &Format) -> Conn {
        let mut conn = null_mut();
        // SAFETY: as the caller of this function says; the format lives, and `conn` may be written.
        c::expect(unsafe { fdwire_conn_new_over(read, writev, wait, ctx, format.0, &mut conn) }, 0, "conn_new_over");
        Conn(conn)
    }

    /// `fdwire_conn_set`
    pub fn set(&self, option: c_int, value: i64) {
        // SAFETY: the connection lives.
        c::expect(unsafe { fdwire_conn_set(self.0, option, value) }, 0, "conn_set");
    }

    /// `fdwire_conn_set_format`, in both directions
    pub fn set_format(&self, format: &Format) -> c_int {
        // SAFETY: both live.
        documented(unsafe { fdwire_conn_set_format(self.0, 3, format.0) })
    }

    /// `fdwire_conn_events`
    pub fn events(&self) -> c_int {
        // SAFETY: the connection lives.
        documented(unsafe { fdwire_conn_events(self.0) })
    }

    /// `fdwire_conn_cancel`
    pub fn cancel(&self) {
        // SAFETY: the connection lives.
        c::expect(unsafe { fdwire_conn_cancel(self.0) }, 0, "conn_cancel");
    }

    /// `fdwire_conn_stats`
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        // SAFETY: the connection lives, and so much of `stats` may be written.
        c::expect(unsafe { fdwire_conn_stats(self.0, &mut stats, size_of::<Stats>()) }, 0, "conn_stats");
        stats
    }

    /// `fdwire_conn_explain`
    pub fn explain(&self) -> String {
        // SAFETY: the connection lives, and `buf` has room for `cap` bytes.
        printed(|buf, cap| unsafe { fdwire_conn_explain(self.0, buf, cap) })
    }

    /// `fdwire_conn_shutdown`
    pub fn shutdown(&self, how: c_int) -> c_int {
        // SAFETY: the connection lives.
        documented(unsafe { fdwire_conn_shutdown(self.0, how, 0) })
    }

    /// `fdwire_conn_finish`, and how many bytes were not sent
    pub fn finish(&self) -> (c_int, u64) {
        let mut unsent = u64::MAX;
        // SAFETY: the connection lives, and `unsent` may be written.
        (documented(unsafe { fdwire_conn_finish(self.0, &mut unsent, 0) }), unsent)
    }

    /// `fdwire_conn_pending`
    pub fn pending(&self) -> u64 {
        // SAFETY: the connection lives.
        unsafe { fdwire_conn_pending(self.0) }
    }

    /// `fdwire_conn_recv`
    pub fn recv(&self, timeout: c_int) -> Result<Option<[Vec<u8>; 3]>, c_int> {
        let mut msg = NO_MSG;
        // SAFETY: the connection lives, and `msg` may be written.
        match documented(unsafe { fdwire_conn_recv(self.0, &mut msg, timeout) }) {
            0 => Ok(None),
            // SAFETY: it is lent until the next receive.
            1 => Ok(Some(unsafe { msg.parts() })),
            error => Err(error),
        }
    }

    /// `fdwire_conn_recv_many`
    pub fn recv_many(&self, cap: usize) -> Result<Vec<[Vec<u8>; 3]>, c_int> {
        let (mut msgs, mut count) = (vec![NO_MSG; cap], 0);
        // SAFETY: the connection lives, and the others may be written.
        match documented(unsafe { fdwire_conn_recv_many(self.0, msgs.as_mut_ptr(), cap, &mut count, 0) }) {
            0 => Ok(Vec::new()),
            1 => {
                assert!((1..=cap).contains(&count));
                // SAFETY: all are lent until the next receive.
                Ok(msgs[..count].iter().map(|msg| unsafe { msg.parts() }).collect())
            }
            error => Err(error),
        }
    }

    /// `fdwire_conn_recv_into`: the body, or with `ENOBUFS` the room that it needs
    pub fn recv_into(&self, cap: usize) -> Result<Option<Vec<u8>>, (c_int, usize)> {
        let (mut body, mut len) = (vec![0; cap], usize::MAX);
        // SAFETY: the connection lives, and the others may be written.
        match documented(unsafe { fdwire_conn_recv_into(self.0, body.as_mut_ptr().cast(), cap, &mut len, 0) }) {
            0 => Ok(None),
            1 => {
                body.truncate(len);
                assert_eq!(body.len(), len, "as much as there is room for");
                Ok(Some(body))
            }
            error => Err((error, len)),
        }
    }

    /// `fdwire_conn_recv_packed`: the bodies, or with `ENOBUFS` the room that the first needs
    pub fn recv_packed(&self, cap: usize, most: usize) -> Result<Vec<Vec<u8>>, (c_int, usize)> {
        let (mut bodies, mut lens, mut count) = (vec![0; cap], vec![usize::MAX; most], 0);
        let (to, at) = (bodies.as_mut_ptr().cast(), lens.as_mut_ptr());
        // SAFETY: the connection lives, and the others may be written as far as they go.
        match documented(unsafe { fdwire_conn_recv_packed(self.0, to, cap, at, most, &mut count, 0) }) {
            0 => Ok(Vec::new()),
            1 => {
                assert!((1..=most).contains(&count));
                let mut rest = &bodies[..];
                let body = |len: &usize| {
                    let (body, more) = rest.split_at(*len);
                    rest = more;
                    body.to_vec()
                };
                Ok(lens[..count].iter().map(body).collect())
            }
            error => Err((error, lens[0])),
        }
    }

    /// `fdwire_conn_recv_begin`: the head, and how long the body is
    pub fn recv_begin(&self) -> Result<Option<(Vec<u8>, u64)>, c_int> {
        let (mut head, mut len) = (NO_MSG, u64::MAX);
        // SAFETY: the connection lives, and the others may be written.
        match documented(unsafe { fdwire_conn_recv_begin(self.0, &mut head, &mut len, 0) }) {
            0 => Ok(None),
            1 => {
                head.body = head.head.wrapping_add(head.head_len);
                (head.body_len, head.tail_len) = (0, 0);
                // SAFETY: it is lent until the next receive.
                let [head, ..] = unsafe { head.parts() };
                Ok(Some((head, len)))
            }
            error => Err(error),
        }
    }

    /// `fdwire_conn_recv_part`: some bytes, none at the end
    pub fn recv_part(&self, cap: usize) -> Result<Vec<u8>, c_int> {
        let (mut buf, mut got) = (vec![0; cap], usize::MAX);
        // SAFETY: the connection lives, and the others may be written.
        match documented(unsafe { fdwire_conn_recv_part(self.0, buf.as_mut_ptr().cast(), cap, &mut got, 0) }) {
            0 => Ok(Vec::new()),
            1 => {
                assert!((1..=cap).contains(&got));
                buf.truncate(got);
                Ok(buf)
            }
            error => Err(error),
        }
    }

    /// `fdwire_conn_skip`
    pub fn skip(&self) -> c_int {
        // SAFETY: the connection lives.
        documented(unsafe { fdwire_conn_skip(self.0) })
    }

    /// `fdwire_conn_unread`
    pub fn unread(&self) -> Result<Vec<u8>, c_int> {
        let (mut at, mut len) = (null(), 0);
        // SAFETY: the connection lives, and the others may be written.
        match documented(unsafe { fdwire_conn_unread(self.0, &mut at, &mut len) }) {
            0 if len == 0 => Ok(Vec::new()),
            // SAFETY: they are lent until the next receive.
            0 => Ok(unsafe { std::slice::from_raw_parts(at.cast::<u8>(), len) }.to_vec()),
            error => Err(error),
        }
    }

    /// `fdwire_conn_take_fds`, which are closed; says how many they were
    pub fn take_fds(&self) -> usize {
        let (mut fds, mut count) = ([-1; 4], 0);
        // SAFETY: the connection lives, and the others may be written.
        let some = documented(unsafe { fdwire_conn_take_fds(self.0, fds.as_mut_ptr(), fds.len(), &mut count) });
        assert_eq!(some == 1, count > 0);
        for fd in &fds[..count] {
            // SAFETY: it is ours.
            assert_eq!(unsafe { libc::close(*fd) }, 0, "a descriptor that came is open");
        }
        count
    }

    /// `fdwire_conn_send`
    pub fn send(&self, body: &[u8]) -> c_int {
        // SAFETY: the connection lives, and `body` may be read.
        documented(unsafe { fdwire_conn_send(self.0, body.as_ptr().cast(), body.len(), 0) })
    }

    /// `fdwire_conn_send_many` or, without a flush, `fdwire_conn_queue`
    pub fn send_many(&self, bodies: &[&[u8]], flush: bool) -> c_int {
        let msg = |body: &&[u8]| Msg { body: body.as_ptr(), body_len: body.len(), ..NO_MSG };
        let msgs: Vec<Msg> = bodies.iter().map(msg).collect();
        let (at, count) = (msgs.as_ptr(), msgs.len());
        // SAFETY: the connection lives, and the messages may be read.
        documented(unsafe {
            if flush { fdwire_conn_send_many(self.0, at, count, 0) } else { fdwire_conn_queue(self.0, at, count) }
        })
    }

    /// `fdwire_conn_send_packed`
    pub fn send_packed(&self, bodies: &[&[u8]]) -> c_int {
        let lens: Vec<usize> = bodies.iter().map(|body| body.len()).collect();
        let all = bodies.concat();
        // SAFETY: the connection lives, and the others may be read.
        documented(unsafe { fdwire_conn_send_packed(self.0, all.as_ptr().cast(), lens.as_ptr(), lens.len(), 0) })
    }

    /// `fdwire_conn_flush`
    pub fn flush(&self) -> c_int {
        // SAFETY: the connection lives.
        documented(unsafe { fdwire_conn_flush(self.0, 0) })
    }

    /// `fdwire_conn_send_begin`
    pub fn send_begin(&self, len: usize) -> c_int {
        // SAFETY: the connection lives.
        documented(unsafe { fdwire_conn_send_begin(self.0, null(), 0, len as u64, 0) })
    }

    /// `fdwire_conn_send_part`
    pub fn send_part(&self, bytes: &[u8]) -> c_int {
        // SAFETY: the connection lives, and the bytes may be read.
        documented(unsafe { fdwire_conn_send_part(self.0, bytes.as_ptr().cast(), bytes.len(), 0) })
    }

    /// `fdwire_conn_send_file`
    pub fn send_file(&self, file: c_int, len: usize) -> c_int {
        // SAFETY: the connection lives.
        documented(unsafe { fdwire_conn_send_file(self.0, file, 0, len as u64, 0) })
    }

    /// `fdwire_conn_send_fds`
    pub fn send_fds(&self, body: &[u8], fds: &[c_int]) -> c_int {
        let (at, many) = (fds.as_ptr(), fds.len());
        // SAFETY: the connection lives, and the others may be read.
        documented(unsafe { fdwire_conn_send_fds(self.0, body.as_ptr().cast(), body.len(), at, many, 0) })
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        // SAFETY: made by fdwire_conn_new, and freed once.
        unsafe { fdwire_conn_free(self.0) }
    }
}
