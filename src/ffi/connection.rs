//! Connections
//!
//! For servers, proxies and whoever keeps a stream open: a connection holds what was read past a
//! message, and what could not be written yet. So a call that runs out of time loses nothing, many
//! messages move by one system call, and one descriptor can be watched by any event loop.
//!
//!    fdwire_conn *conn;
//!    fdwire_msg msg;
//!    fdwire_conn_new(fd, fd, NULL, &conn);
//!    while ((r = fdwire_conn_recv(conn, &msg, -1)) == 1)
//!      if ((r = fdwire_conn_send(conn, msg.body, msg.body_len, -1)) < 0) break;
//!    fdwire_conn_finish(conn, NULL, 1000);
//!    fdwire_conn_free(conn);
//!    fdwire_close(fd);
//!
//! In an event loop every call gets timeout_ms 0, and fdwire_conn_events says what to poll for:
//!
//!    struct pollfd p = { fd, fdwire_conn_events(conn) & (POLLIN | POLLOUT), 0 };
//!    poll(&p, 1, -1);
//!    if (p.revents & POLLOUT) fdwire_conn_flush(conn, 0);
//!    while ((r = fdwire_conn_recv(conn, &msg, 0)) == 1) handle(&msg);
//!    if (r != -EAGAIN) the_end(conn, r);
//!
//! With FDWIRE_POLLED, the receive that finds nothing asks the system nothing.
//!
//! Memory. A connection holds no buffer while nothing waits in it: a receive that finds nothing
//! gives its buffer back, and so does a send when all is with the kernel.
//!
//! Threads. Any thread may call at any time. Receiving and sending do not wait for one another; of
//! several calls in one direction, each gets or sends whole messages. What one receive lends
//! another one ends, so that several receiving threads use fdwire_conn_recv_into, or _recv_packed.
//! A program that keeps each direction to one thread can say so (FDWIRE_ONE_THREAD), which saves
//! the locks.
//!
//! Errors last. Once the stream is out of step, or the system has refused to read or to write,
//! every later call in that direction gives the same code.

use super::callback;
use super::end::shutdown_of;
use super::errors::fdwire_error;
use super::format::{fdwire_format, keep_format};
use super::functions::Callbacks;
use super::gate::Door;
use super::guard::{EINVAL, borrow, code, contain, deadline, object, optional, own, print, status, try_box, unbox};
use super::shared::Shared;
use crate::Error;
use crate::connection::{Connection, Input, Interest, Output, Stats};
use crate::fd::{self, Shutdown, errno};
use crate::format::Format;
use std::ffi::{c_char, c_int, c_void};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering};

/// A direction of a connection, or both.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum fdwire_direction {
    /// Receiving.
    FDWIRE_IN = 1,
    /// Sending.
    FDWIRE_OUT = 2,
    /// Both.
    FDWIRE_BOTH = 3,
    /// With FDWIRE_BOTH, for FDWIRE_ONE_THREAD: each has a thread of its own.
    FDWIRE_APART = 4,
}

/// What fdwire_conn_events says beside POLLIN and POLLOUT.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum fdwire_event {
    /// A receive would not have to wait: a message is inside, or an error, or the end.
    FDWIRE_READY = 0x10000,
}

/// What sending returns beside 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum fdwire_sent {
    /// The messages were accepted, and some of their bytes still wait to be sent: do not send them
    /// again, but flush.
    FDWIRE_PENDING = 1,
}

/// What a connection has done so far. Later versions may add to its end.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fdwire_stats {
    /// Messages that were received, and sent or accepted to be.
    pub messages_in: u64,
    pub messages_out: u64,
    /// Bytes that came from the kernel, and went to it, or through the program's own functions.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Calls that read, and that wrote, those that moved nothing included.
    pub reads: u64,
    pub writes: u64,
    /// Bytes that were received and not delivered yet, and that wait to be sent.
    pub buffered: u64,
    pub pending: u64,
    /// Bytes of memory that the buffers hold.
    pub memory: u64,
}

/// A range of bytes to be written; laid out as struct iovec, to which a pointer may be cast.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fdwire_slice {
    /// Where they begin.
    pub base: *const c_void,
    /// How many they are.
    pub len: usize,
}

/// Reads at most len bytes, at least one, to buf. ctx is what fdwire_conn_new_over was given. It
/// returns how many; 0 at the end of the stream; -EAGAIN if none can be read now; -errno.
pub type fdwire_read_fn = Option<unsafe extern "C" fn(ctx: *mut c_void, buf: *mut c_void, len: usize) -> i64>;

/// Writes bytes of count slices, one after the other, as far as they go now. It returns how many
/// bytes, at least one; -EAGAIN if none can be written now; -errno. What it did not take comes
/// first in the next call, with nothing left out, in slices that may be cut otherwise.
pub type fdwire_writev_fn =
    Option<unsafe extern "C" fn(ctx: *mut c_void, slices: *const fdwire_slice, count: usize) -> i64>;

/// Waits, at most timeout_ms (-1: without end), until reading (events has POLLIN) or writing
/// (POLLOUT) may go on; it may return earlier. It returns 0, or -errno.
pub type fdwire_wait_fn = Option<unsafe extern "C" fn(ctx: *mut c_void, events: c_int, timeout_ms: c_int) -> c_int>;

/// A stream of messages in both directions, or in one.
pub struct fdwire_conn {
    pub(super) connection: Conn,
    pub(super) owned: AtomicI32,
    in_fd: AtomicI32,
    out_fd: AtomicI32,
    /// `BROKEN`, `CALLS_BACK`: what each call looks at first, at one glance.
    care: AtomicU8,
}

/// A call panicked: what it left behind is not to be trusted.
const BROKEN: u8 = 1;
/// It calls the program back: by its functions, or those of a format.
const CALLS_BACK: u8 = 2;

type Conn = Connection<'static, Shared<Format>, Door<Input<Shared<Format>>>, Door<Output<Shared<Format>>>>;

const IN: c_int = fdwire_direction::FDWIRE_IN as c_int;
const OUT: c_int = fdwire_direction::FDWIRE_OUT as c_int;
pub(super) const APART: c_int = fdwire_direction::FDWIRE_APART as c_int;
pub(super) const BOTH: i64 = fdwire_direction::FDWIRE_BOTH as i64;

impl fdwire_conn {
    fn new(connection: Conn, format: &Format, in_fd: c_int, out_fd: c_int) -> fdwire_conn {
        let calls_back = connection.functions() != 0 || format.calls_back();
        fdwire_conn {
            connection,
            owned: AtomicI32::new(0),
            in_fd: AtomicI32::new(in_fd),
            out_fd: AtomicI32::new(out_fd),
            care: AtomicU8::new(if calls_back { CALLS_BACK } else { 0 }),
        }
    }

    /// The descriptors that are to be closed, each once. They are forgotten: their numbers may be others' from now on, which
    /// setting FDWIRE_OWN again must not have closed.
    fn take_owned(&self) -> [Option<OwnedFd>; 2] {
        let same = self.in_fd.load(Ordering::Relaxed) == self.out_fd.load(Ordering::Relaxed);
        let owned = match self.owned.swap(0, Ordering::Relaxed) {
            IN | OUT if same => BOTH as c_int,
            owned => owned,
        };
        let take = |side: &AtomicI32, bit| if owned & bit != 0 { side.swap(-1, Ordering::Relaxed) } else { -1 };
        let (in_fd, out_fd) = (take(&self.in_fd, IN), take(&self.out_fd, OUT));
        [own(in_fd).ok(), own(if same { -1 } else { out_fd }).ok()]
    }

    /// Notes that a format may call the program back.
    fn note_format(&self, format: &Format) {
        if format.calls_back() {
            self.care.fetch_or(CALLS_BACK, Ordering::Relaxed);
        }
    }

    /// The code of a call that may not go on. One that this thread makes inside of what the connection has called would wait for
    /// itself.
    #[inline(always)]
    fn refuses(&self) -> Option<c_int> {
        if self.care.load(Ordering::Relaxed) == 0 { None } else { self.refuses_with_care() }
    }

    #[cold]
    fn refuses_with_care(&self) -> Option<c_int> {
        if self.care.load(Ordering::Relaxed) & BROKEN != 0 {
            return Some(code(Error::Broken));
        }
        let inside = callback::is_running(&[callback::OF_FORMATS, self.connection.functions()]);
        inside.then(|| code(Error::Os(errno::EDEADLK)))
    }

    /// The code of a call that panicked.
    #[cold]
    fn panicked(&self) -> c_int {
        self.care.fetch_or(BROKEN, Ordering::Relaxed);
        fdwire_error::FDWIRE_E_PANIC as c_int
    }

    pub(super) fn set_alone(&self, sides: c_int) {
        self.connection.set_alone(sides & IN != 0, sides & OUT != 0, sides & APART != 0);
        self.connection.gates().0.set_alone(sides & IN != 0);
        self.connection.gates().1.set_alone(sides & OUT != 0);
    }

    /// Gives up a pipe that it owns, so that its reader finds the end. Its number stays taken: other threads may be waiting for
    /// it.
    fn give_up_pipe(&self) -> Result<(), Error> {
        let (in_fd, out_fd) = (self.in_fd.load(Ordering::Relaxed), self.out_fd.load(Ordering::Relaxed));
        match self.owned.load(Ordering::Relaxed) & OUT != 0 && in_fd != out_fd {
            true => fd::vacate(borrow(out_fd)?),
            false => Err(Error::Os(errno::EOPNOTSUPP)),
        }
    }
}

/// Runs a call on a connection. One that panicked before is not used again.
///
/// # Safety
/// If not NULL, `conn` is one that fdwire_conn_new or _new_over made and that was not freed.
#[inline(always)]
pub(super) unsafe fn with(conn: *mut fdwire_conn, call: impl FnOnce(&fdwire_conn) -> Result<c_int, Error>) -> c_int {
    // SAFETY: as the caller of this function says.
    let Some(conn) = (unsafe { conn.as_ref() }) else { return code(EINVAL) };
    if let Some(refused) = conn.refuses() {
        return refused;
    }
    contain(|| call(conn).unwrap_or_else(code)).unwrap_or_else(|| conn.panicked())
}

/// The same of a call that has a short way, which may lead nowhere. The rest of the call is a function of its own, so as not to be
/// in the way of it.
///
/// # Safety
/// As `with`.
#[inline(always)]
pub(super) unsafe fn with_quick(
    conn: *mut fdwire_conn,
    quick: impl FnOnce(&fdwire_conn) -> Option<c_int>,
    call: impl FnOnce(&fdwire_conn) -> Result<c_int, Error>,
) -> c_int {
    #[inline(never)]
    fn whole(conn: &fdwire_conn, call: impl FnOnce(&fdwire_conn) -> Result<c_int, Error>) -> c_int {
        contain(|| call(conn).unwrap_or_else(code)).unwrap_or_else(|| conn.panicked())
    }
    // SAFETY: as the caller of this function says.
    let Some(conn) = (unsafe { conn.as_ref() }) else { return code(EINVAL) };
    if let Some(refused) = conn.refuses() {
        return refused;
    }
    match contain(|| quick(conn)) {
        Some(Some(result)) => result,
        Some(None) => whole(conn, call),
        None => conn.panicked(),
    }
}

/// Runs the shortest way of a call, where there is nothing to take care of and no lock to take. `None` says nothing: the call
/// itself is to be made, by a function of its own.
///
/// # Safety
/// As `with`.
#[inline(always)]
pub(super) unsafe fn alone(conn: *mut fdwire_conn, quick: impl FnOnce(&fdwire_conn) -> Option<c_int>) -> Option<c_int> {
    // SAFETY: as the caller of this function says.
    let conn = unsafe { conn.as_ref() }.filter(|conn| conn.care.load(Ordering::Relaxed) == 0)?;
    contain(|| quick(conn)).unwrap_or_else(|| Some(conn.panicked()))
}

/// A side of a connection, whose descriptor the program keeps open as long as the connection is.
fn side(fd: c_int) -> Option<BorrowedFd<'static>> {
    match fd {
        -1 => None,
        // A number below is no descriptor: one that is never open stands for it.
        fd => borrow(fd).or_else(|_| borrow(c_int::MAX)).ok(),
    }
}

/// Directions that a program names.
pub(super) fn sides(value: i64) -> Result<c_int, Error> {
    match value {
        0..=BOTH => Ok(value as c_int),
        _ => Err(EINVAL),
    }
}

impl fdwire_stats {
    fn of(stats: Stats) -> fdwire_stats {
        let Stats { messages_in, messages_out, bytes_in, bytes_out, reads, writes, buffered, pending, memory } = stats;
        fdwire_stats { messages_in, messages_out, bytes_in, bytes_out, reads, writes, buffered, pending, memory }
    }
}

/// Makes a connection that receives messages of this format (NULL: u32be) from in_fd and sends them
/// to out_fd: the same for a socket, two for pipes or standard input and output, -1 where there is
/// no such side. The format may be freed afterwards. No buffer is held until bytes come.
///
/// The descriptors stay the program's, who keeps them open until the connection was freed, unless
/// FDWIRE_OWN is set. They may be blocking or not. *out is the caller's, who frees it with
/// fdwire_conn_free.
///
/// Returns: 0; -EBADF for a descriptor that is not open, or not for this direction, or where both
/// are -1; -EPROTOTYPE for a socket that keeps message boundaries; -EINVAL if out is NULL; -ENOMEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_new(
    in_fd: c_int,
    out_fd: c_int,
    format: *const fdwire_format,
    out: *mut *mut fdwire_conn,
) -> c_int {
    status(|| {
        // SAFETY: the caller's promises for `format` and `out`.
        let (format, out) = unsafe { (keep_format(format), object(out)?) };
        let connection = Connection::new(side(in_fd), side(out_fd), format.clone())?;
        *out = try_box(fdwire_conn::new(connection, &format, in_fd, out_fd))?;
        Ok(0)
    })
}

/// Makes a connection over functions of the program's own instead of descriptors: TLS, a simulated
/// network, a test. read, writev and wait get ctx; one that is NULL is a side that is not there,
/// and without wait no call waits: what cannot be done at once is -EAGAIN.
///
/// read is called by one thread at a time, and writev too; but both, and wait, may be called at the
/// same time by several threads. They make no call on this connection (one that does gets
/// -EDEADLK), and do not longjmp. They and ctx stay the program's and must live until the
/// connection was freed.
///
/// Returns: as fdwire_conn_new; -EINVAL also if both read and writev are NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_new_over(
    read: fdwire_read_fn,
    writev: fdwire_writev_fn,
    wait: fdwire_wait_fn,
    ctx: *mut c_void,
    format: *const fdwire_format,
    out: *mut *mut fdwire_conn,
) -> c_int {
    status(|| {
        // SAFETY: the caller's promises for `format` and `out`.
        let (format, out) = unsafe { (keep_format(format), object(out)?) };
        if read.is_none() && writev.is_none() {
            return Err(EINVAL);
        }
        // SAFETY: made by try_box a moment ago.
        let own: Box<[Callbacks; 1]> = unsafe { Box::from_raw(try_box([Callbacks { read, writev, wait, ctx }])?) };
        *out = try_box(fdwire_conn::new(Connection::over_functions(own, format.clone()), &format, -1, -1))?;
        Ok(0)
    })
}

/// Frees a connection, which no call may be using, with what it lent, what waited to be sent, and
/// descriptors that came and were not taken; closes those that it owns (FDWIRE_OWN). It does not
/// wait: fdwire_conn_finish comes before, where every byte matters. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_free(conn: *mut fdwire_conn) {
    // SAFETY: NULL, or made by try_box, as the caller says, and given back once.
    contain(|| unsafe {
        let owned = conn.as_ref().map(|conn| conn.take_owned());
        unbox(conn);
        owned.into_iter().flatten().flatten().for_each(|fd| {
            let _ = fd::close(fd);
        });
    });
}

/// Changes the format (NULL: u32be) of all messages in directions (FDWIRE_IN, _OUT, _BOTH) that
/// were not delivered yet, or not accepted for sending, where a protocol changes it between
/// messages. It may be freed afterwards.
///
/// Bytes that were read already are taken for the new format: where they may come from before the
/// change (STARTTLS), look at what fdwire_conn_unread has.
///
/// Returns: 0; else neither is changed: -EBUSY while a message is sent or received in parts; errors
/// that last, of receiving; -EINVAL for other directions, while a message is being skipped whose
/// end is not known yet, or for a NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_set_format(
    conn: *mut fdwire_conn,
    directions: c_int,
    format: *const fdwire_format,
) -> c_int {
    let set = |conn: &fdwire_conn| {
        let sides = sides(directions.into())?;
        if sides == 0 {
            return Err(EINVAL);
        }
        // SAFETY: the caller's promise for `format`.
        let format = unsafe { keep_format(format) };
        conn.note_format(&format);
        match sides {
            IN => conn.connection.set_input_format(format)?,
            OUT => conn.connection.set_output_format(format)?,
            _ => conn.connection.set_format(format)?,
        }
        Ok(0)
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, set) }
}

/// What an event loop polls for, level-triggered: POLLIN (on in_fd) while more can be received,
/// POLLOUT (on out_fd) while bytes wait to be sent, and FDWIRE_READY if a receive would not have to
/// wait. With FDWIRE_READY, receive before polling: poll(2) knows nothing of what is inside.
/// fdwire_conn_recv_begin, for which a head is enough, may go on without it: whoever receives in
/// parts calls that until -EAGAIN.
///
/// An edge-triggered loop receives until -EAGAIN, and sends and flushes until 0.
///
/// Returns: these, or'ed; -EINVAL for a NULL; FDWIRE_E_BROKEN.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_events(conn: *mut fdwire_conn) -> c_int {
    let events = |conn: &fdwire_conn| {
        let Interest { events, ready } = conn.connection.interest()?;
        Ok(if ready { events | fdwire_event::FDWIRE_READY as c_int } else { events })
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, events) }
}

/// Makes every call that waits on the connection, and every one that would have to, return
/// -ECANCELED, from any thread and until fdwire_conn_set lifts it (FDWIRE_CANCELLED, 0). If that is
/// at once, a call that was waiting may not notice. What can be done without waiting is still done,
/// no byte is lost, and fdwire_conn_finish waits all the same. To be waked, a connection over
/// functions needs a wait that returns now and then.
///
/// Returns: 0; -EINVAL for a NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_cancel(conn: *mut fdwire_conn) -> c_int {
    let cancel = |conn: &fdwire_conn| {
        conn.connection.cancel(true);
        Ok(0)
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, cancel) }
}

/// What the connection has done so far: fills in the first size bytes of *stats, for which a
/// program gives sizeof *stats.
///
/// Returns: 0; -EINVAL for a NULL or a size of 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_stats(conn: *mut fdwire_conn, stats: *mut fdwire_stats, size: usize) -> c_int {
    let tell = |conn: &fdwire_conn| {
        if stats.is_null() || size == 0 {
            return Err(EINVAL);
        }
        let told = fdwire_stats::of(conn.connection.stats()?);
        let size = size.min(size_of::<fdwire_stats>());
        // SAFETY: the caller's promise for `stats`, of which no more is written than it has, and than was told.
        unsafe { stats.cast::<u8>().copy_from((&raw const told).cast(), size) };
        Ok(0)
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, tell) }
}

/// Says where the received stream stands and, if it broke, why, with the bytes; and if sending
/// failed, how; in a line for people, as fdwire_decoder_explain does.
///
/// The text is cut to fit buf (which may be NULL if cap is 0) and always NUL-terminated.
///
/// Returns: the length of the whole text without its NUL: it was cut if that is not below cap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_explain(conn: *mut fdwire_conn, buf: *mut c_char, cap: usize) -> usize {
    // SAFETY: the caller's promises for `conn`, `buf` and `cap`.
    unsafe {
        let mut len = 0;
        let told = with(conn, |conn| {
            len = conn.connection.explain(|text| print(buf, cap, text))?;
            Ok(0)
        });
        match told {
            0 => len,
            _ if conn.is_null() => print(buf, cap, &"no connection"),
            _ => print(buf, cap, &Error::Panic),
        }
    }
}

/// Ends one direction or both (FDWIRE_SHUT_RD, _WR, _RDWR), waking whoever waits in it.
///
/// Receiving: every later receive returns 0, the end, after the messages that are inside. Sending:
/// flushes what waits to be sent, then shuts down the socket, or gives up a pipe that the
/// connection owns (FDWIRE_OWN), whose number stays taken until the connection is freed: the peer
/// sees the end of the stream, and can still answer. Later sends get -EPIPE.
///
/// Returns: 0. -EAGAIN, -ETIMEDOUT, -ECANCELED: not all was sent in time, and nothing was ended:
/// call again. All else is of one direction, and of two the other was ended all the same:
/// FDWIRE_E_TRUNCATED: a message that is sent in parts was not sent whole; sending was ended.
/// -EOPNOTSUPP: all is sent, but the end cannot be shown to the peer on a descriptor that is no
/// socket and not owned, or over functions. -EMFILE: it could not be shown on a pipe; call again.
/// -ENOTCONN; errors as fdwire_conn_flush; -EINVAL for another how, or a NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_shutdown(conn: *mut fdwire_conn, how: c_int, timeout_ms: c_int) -> c_int {
    let shut = |conn: &fdwire_conn| {
        let (deadline, how) = (deadline(timeout_ms)?, shutdown_of(how)?);
        let sending = match how {
            Shutdown::Read => Ok(()),
            _ => conn.connection.shutdown_output_or(deadline, || conn.give_up_pipe()),
        };
        if let Err(Error::Os(errno::EAGAIN | errno::ETIMEDOUT | errno::ECANCELED)) = sending {
            return sending.map(|()| 0); // it is called again, for both
        }
        let receiving = match how {
            Shutdown::Write => Ok(()),
            _ => conn.connection.shutdown_input(),
        };
        sending.and(receiving).map(|()| 0)
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, shut) }
}

/// Ends the connection so that the peer gets every byte: sends what waits to be sent, shuts down
/// sending, then receives and drops what the peer still sends until it ends as well; closes the
/// descriptors that the connection owns. Over functions, on pipes, and without an in_fd or an
/// out_fd nothing is received, and how the peer ends is not known. *unsent (NULL: not wanted) gets
/// how many accepted bytes never reached the kernel, whatever the result.
///
/// Nothing but fdwire_conn_free can be done with the connection afterwards: calls that receive or
/// send get FDWIRE_E_BROKEN, or -EPIPE, and so do those that wait.
///
/// Returns: 0: all was sent and the peer has ended too. -ETIMEDOUT: it had not in time (with
/// timeout_ms 0 too; there is no -EAGAIN here), so what was sent last may be lost. -ECONNRESET,
/// -EPIPE: the peer broke off. FDWIRE_E_TRUNCATED: a message that is sent in parts was not sent
/// whole. Errors that last, as fdwire_conn_flush. -EINVAL for timeout_ms, or a NULL, with nothing
/// done.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_finish(conn: *mut fdwire_conn, unsent: *mut u64, timeout_ms: c_int) -> c_int {
    let finish = |conn: &fdwire_conn| {
        // SAFETY: the caller's promise for `unsent`.
        let (deadline, unsent) = (deadline(timeout_ms)?, unsafe { optional(unsent)? });
        let (left, ended) = conn.connection.finish(deadline);
        if let Some(unsent) = unsent {
            *unsent = left;
        }
        for fd in conn.take_owned().into_iter().flatten() {
            let closed = fd::close(fd);
            ended.and(closed)?;
        }
        ended.map(|()| 0)
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, finish) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_is_small() {
        // With what malloc(3) adds, and the functions of one that has some, below 512 bytes.
        assert!(size_of::<fdwire_conn>() <= 440, "{}", size_of::<fdwire_conn>());
    }
}
