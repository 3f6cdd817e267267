//! Descriptors to talk over, and those that are open.

use std::ffi::c_int;
use std::sync::OnceLock;

/// What a connection reads from, and what it writes to.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) input: c_int,
    pub(super) output: c_int,
}

/// Two ends: a pair of Unix sockets or, now and then, two pipes.
pub(super) struct Pair {
    pub(super) ends: [End; 2],
    pub(super) is_pipe: bool,
}

impl Pair {
    pub(super) fn new(choice: u8) -> Pair {
        match choice & 1 == 1 {
            true => {
                let [[r, w], [back_r, back_w]] = [pipe(), pipe()];
                let ends = [End { input: back_r, output: w }, End { input: r, output: back_w }];
                Pair { ends, is_pipe: true }
            }
            false => {
                let fds = socket_pair();
                if choice & 4 > 0 {
                    fds.iter().for_each(|fd| shrink(*fd));
                }
                Pair { ends: fds.map(|fd| End { input: fd, output: fd }), is_pipe: false }
            }
        }
    }

    /// Where no connection owns them: of sockets, each end is one.
    pub(super) fn close(&self) {
        for end in &self.ends {
            // SAFETY: it is ours, and nobody uses it any more.
            assert_eq!(unsafe { libc::close(end.input) }, 0);
        }
    }
}

fn pipe() -> [c_int; 2] {
    let mut fds = [-1; 2];
    // SAFETY: there is room for both.
    assert_eq!(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
    fds
}

fn socket_pair() -> [c_int; 2] {
    let (kind, mut fds) = (libc::SOCK_STREAM | libc::SOCK_CLOEXEC, [-1; 2]);
    // SAFETY: there is room for both.
    assert_eq!(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) }, 0);
    fds
}

/// So that little fits into the kernel, and much has to wait.
fn shrink(fd: c_int) {
    let (size, len) = (1_i32, size_of::<i32>() as u32);
    // SAFETY: the option is an int.
    let set = unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_SNDBUF, (&raw const size).cast(), len) };
    assert_eq!(set, 0);
}

/// Which of the lowest descriptors are open: no input has as many as there are bits.
pub(super) fn open_descriptors() -> u64 {
    the_file(); // which is opened once for all
    // SAFETY: it only asks.
    (0..64).filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } >= 0).map(|fd| 1 << fd).sum()
}

/// What the file holds.
pub(super) fn file_bytes() -> Vec<u8> {
    (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 | 1).collect()
}

/// A regular file to send messages from.
pub(super) fn the_file() -> c_int {
    static FILE: OnceLock<c_int> = OnceLock::new();
    *FILE.get_or_init(|| {
        let bytes = file_bytes();
        // SAFETY: the name is a string, and the bytes may be read.
        unsafe {
            let fd = libc::memfd_create(c"fuzz".as_ptr(), libc::MFD_CLOEXEC);
            assert_eq!(libc::write(fd, bytes.as_ptr().cast(), bytes.len()), bytes.len() as isize);
            fd
        }
    })
}
