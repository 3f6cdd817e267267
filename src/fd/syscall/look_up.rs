//! Names of hosts, as the system's resolver knows them.

use super::last_error;
use crate::Error;
use crate::memory::push;
use socket2::{SockAddr, SockAddrStorage};
use std::ffi::CStr;
use std::net::SocketAddr;

/// Longest name (RFC 1035, 2.3.4), and a NUL.
const NAME_MAX: usize = 256;

/// getaddrinfo(3): the addresses of a name, in the order in which to try them. Rust's own look-up would end the program where there
/// is no memory for them.
pub(in crate::fd) fn look_up(name: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
    let mut text = [0; NAME_MAX];
    text[..NAME_MAX - 1].get_mut(..name.len()).ok_or(Error::Resolve)?.copy_from_slice(name.as_bytes());
    let name = CStr::from_bytes_with_nul(&text[..=name.len()]).map_err(|_| Error::Resolve)?;
    // SAFETY: an addrinfo is plain data, for which all zeros stand for "any".
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut answer = Answer(std::ptr::null_mut());
    // SAFETY: a name that ends in a NUL, hints that may be read, and a place for the answer.
    match unsafe { libc::getaddrinfo(name.as_ptr(), std::ptr::null(), &hints, &mut answer.0) } {
        0 => answer.addresses(port),
        libc::EAI_MEMORY => Err(Error::NoMemory),
        libc::EAI_SYSTEM if last_error() == Error::Os(libc::ENOMEM) => Err(Error::NoMemory),
        _ => Err(Error::Resolve),
    }
}

/// The list that getaddrinfo(3) made, or none.
struct Answer(*mut libc::addrinfo);

impl Answer {
    fn addresses(&self, port: u16) -> Result<Vec<SocketAddr>, Error> {
        let mut addresses = Vec::new();
        let mut next = self.0;
        // SAFETY: a part of the list, which lives as long as this, or NULL.
        while let Some(one) = unsafe { next.as_ref() } {
            next = one.ai_next;
            if let Some(mut address) = address_of(one).as_socket() {
                address.set_port(port);
                push(&mut addresses, address)?;
            }
        }
        Ok(addresses)
    }
}

fn address_of(one: &libc::addrinfo) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    let len = one.ai_addrlen.min(storage.size_of());
    // SAFETY: `ai_addr` has so many bytes, and a sockaddr_storage, which is plain data, has room for them; together they are an
    // address of that length.
    unsafe {
        let to: *mut libc::sockaddr_storage = storage.view_as();
        one.ai_addr.cast::<u8>().copy_to_nonoverlapping(to.cast(), len as usize);
        SockAddr::new(storage, len)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: made by getaddrinfo, and not used any more.
            unsafe { libc::freeaddrinfo(self.0) }
        }
    }
}
