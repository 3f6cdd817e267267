//! Descriptors to talk over, and those that are open.

use std::ffi::c_int;
use std::sync::OnceLock;

/// What is read from, and what is written to.
pub(crate) fn pipe() -> [c_int; 2] {
    let mut fds = [-1; 2];
    // SAFETY: there is room for both.
    assert_eq!(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
    fds
}

pub(crate) fn socket_pair() -> [c_int; 2] {
    let (kind, mut fds) = (libc::SOCK_STREAM | libc::SOCK_CLOEXEC, [-1; 2]);
    // SAFETY: there is room for both.
    assert_eq!(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) }, 0);
    fds
}

/// So that little fits into the kernel, and much has to wait.
pub(crate) fn shrink(fd: c_int) {
    let (size, len) = (1_i32, size_of::<i32>() as u32);
    // SAFETY: the option is an int.
    let set = unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_SNDBUF, (&raw const size).cast(), len) };
    assert_eq!(set, 0);
}

/// Writes what the descriptor takes at once, and says how much that is.
pub(crate) fn write_now(fd: c_int, is_socket: bool, bytes: &[u8]) -> usize {
    let (at, len) = (bytes.as_ptr().cast(), bytes.len());
    let mut writable = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: the descriptor is open, and the bytes may be read. What a pipe takes at once does not block.
    let written = unsafe {
        match is_socket {
            true => libc::send(fd, at, len, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL),
            false if libc::poll(&mut writable, 1, 0) == 1 && writable.revents == libc::POLLOUT => {
                libc::write(fd, at, len)
            }
            false => 0,
        }
    };
    written.max(0) as usize
}

/// How many bytes can be read now.
pub(crate) fn readable(fd: c_int) -> usize {
    let mut count: c_int = -1;
    // SAFETY: the number may be written.
    assert_eq!(unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut count) }, 0);
    usize::try_from(count).expect("a number of bytes")
}

/// Reads what is there: at most `cap` bytes, which are not none.
pub(crate) fn read_now(fd: c_int, cap: usize) -> Vec<u8> {
    let mut bytes = vec![0; cap.min(readable(fd))];
    if !bytes.is_empty() {
        // SAFETY: the bytes may be written, and so many are there.
        let read = unsafe { libc::read(fd, bytes.as_mut_ptr().cast(), bytes.len()) };
        assert_eq!(read, bytes.len() as isize);
    }
    bytes
}

/// Of ours, which nobody uses any more.
pub(crate) fn close(fd: c_int) {
    // SAFETY: it is ours.
    assert_eq!(unsafe { libc::close(fd) }, 0);
}

/// Which of the lowest descriptors are open: no input has as many as there are bits.
pub(crate) fn open_descriptors() -> u64 {
    the_file(); // which is opened once for all
    // SAFETY: it only asks.
    (0..64).filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } >= 0).map(|fd| 1 << fd).sum()
}

/// What the file holds.
pub(crate) fn file_bytes() -> Vec<u8> {
    (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 | 1).collect()
}

/// A regular file to send messages from.
pub(crate) fn the_file() -> c_int {
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
