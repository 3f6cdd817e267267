//! recvmsg(2) and sendmsg(2) with what goes beside the bytes.

use super::system::{CLOSE_ON_EXEC, NO_SIGNAL, sendmsg};
use super::{Wait, message_header, moved, without_signal};
use crate::Error;
use crate::memory::push;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Most descriptors that one message brings (SCM_MAX_FD of Linux).
pub(crate) const DESCRIPTORS_MAX: usize = 253;

/// Room for a control message with all the descriptors that there can be, and one with a TLS record's type.
const CONTROL_ROOM: usize = 1100;

/// Of <linux/tls.h>.
#[cfg(target_os = "linux")]
const TLS_GET_RECORD_TYPE: libc::c_int = 2;

#[repr(C, align(8))]
struct ControlRoom([u8; CONTROL_ROOM]);

/// What a read brought beside its bytes.
#[derive(Debug, Default)]
pub(crate) struct Control {
    /// Descriptors, close-on-exec.
    pub(crate) descriptors: Vec<OwnedFd>,
    /// Not all descriptors that were sent could be received.
    pub(crate) cut: bool,
    /// The type of the TLS record that the bytes are, where the kernel decrypts (kTLS).
    pub(crate) record: Option<u8>,
}

/// recvmsg(2) with the control messages that may come: descriptors on a Unix socket, the type of a TLS record.
pub(in crate::fd) fn receive_with_control(
    fd: BorrowedFd<'_>,
    bufs: &mut [IoSliceMut<'_>],
    wait: Wait,
) -> Result<(usize, Control), Error> {
    let flags = CLOSE_ON_EXEC | if wait == Wait::Yes { 0 } else { libc::MSG_DONTWAIT };
    let mut room = ControlRoom([0; CONTROL_ROOM]);
    let mut message = message_header(bufs.as_mut_ptr().cast(), bufs.len());
    message.msg_control = room.0.as_mut_ptr().cast();
    message.msg_controllen = CONTROL_ROOM as _;
    // SAFETY: the header refers to `bufs`, which may be written, and to `room`, for the whole call.
    let len = moved(unsafe { libc::recvmsg(fd.as_raw_fd(), &mut message, flags) })?;
    // SAFETY: recvmsg has filled in the header and the room that it refers to.
    let mut control = unsafe { control_of(&message) };
    control.cut |= message.msg_flags & libc::MSG_CTRUNC != 0;
    Ok((len, control))
}

/// # Safety
/// recvmsg has filled in `message` and the room for control messages that it refers to.
unsafe fn control_of(message: &libc::msghdr) -> Control {
    let mut control = Control::default();
    // SAFETY: as the caller says: each header that these macros find lies in the room, with the data that its length says;
    // descriptors were made for this process, and nobody else has them.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while let Some(&libc::cmsghdr { cmsg_len, cmsg_level, cmsg_type, .. }) = header.as_ref() {
            let data = libc::CMSG_DATA(header);
            let len: usize = cmsg_len as _; // systems differ in its type
            let len = len.saturating_sub(data.offset_from_unsigned(header.cast()));
            match (cmsg_level, cmsg_type) {
                (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                    for i in 0..len / size_of::<RawFd>() {
                        let fd = OwnedFd::from_raw_fd(data.cast::<RawFd>().add(i).read_unaligned());
                        if CLOSE_ON_EXEC == 0 {
                            libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC);
                        }
                        // Without memory to note it down it is closed, as one is for which there was no number.
                        control.cut |= push(&mut control.descriptors, fd).is_err();
                    }
                }
                #[cfg(target_os = "linux")]
                (libc::SOL_TLS, TLS_GET_RECORD_TYPE) if len > 0 => control.record = Some(data.read()),
                _ => {}
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    control
}

/// sendmsg(2) with descriptors, at most `DESCRIPTORS_MAX`, that go with the first of the bytes.
pub(in crate::fd) fn send_descriptors(
    fd: BorrowedFd<'_>,
    bufs: &[IoSlice<'_>],
    descriptors: &[BorrowedFd<'_>],
    wait: Wait,
) -> Result<usize, Error> {
    let flags = NO_SIGNAL | if wait == Wait::Yes { 0 } else { libc::MSG_DONTWAIT };
    let mut room = ControlRoom([0; CONTROL_ROOM]);
    let mut message = message_header(bufs.as_ptr().cast_mut().cast(), bufs.len());
    let descriptors = &descriptors[..descriptors.len().min(DESCRIPTORS_MAX)];
    let len = size_of_val(descriptors) as libc::c_uint;
    // SAFETY: the room has space for a header and `DESCRIPTORS_MAX` descriptors, which the macros place in it; a
    // BorrowedFd is laid out as the number that it is; sendmsg writes to nothing of this.
    unsafe {
        message.msg_control = room.0.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(len) as _;
        let header = libc::CMSG_FIRSTHDR(&message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(len) as _;
        libc::CMSG_DATA(header).copy_from_nonoverlapping(descriptors.as_ptr().cast(), len as usize);
        without_signal(|| moved(sendmsg(fd.as_raw_fd(), &message, flags)))
    }
}
