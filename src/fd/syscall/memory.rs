//! Memory, as the system gives it.

use std::alloc::{Layout, alloc_zeroed};

/// So many bytes that are 0. Much of it at once is fresh, and costs nothing before it is used; what the standard library has for
/// that ends the program where there is none.
pub(crate) fn zeroed(len: usize) -> Option<Vec<u8>> {
    let layout = Layout::array::<u8>(len).ok()?;
    if len == 0 {
        return Some(Vec::new());
    }
    // SAFETY: the layout has a size; what comes is null, or memory of the allocator that a Vec uses, all of it written.
    unsafe {
        let memory = alloc_zeroed(layout);
        (!memory.is_null()).then(|| Vec::from_raw_parts(memory, len, len))
    }
}
