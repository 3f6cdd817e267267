//! Byte order: fixed-width integers and floats, variable-length integers, arrays, and cursors over a buffer.
//!
//! Pure, and depends on nothing.

mod array;
mod cursor;
mod decimal;
mod scalar;
mod varint;

pub use array::{copy_reversed, reverse_each};
pub use cursor::{Fault, Reader, Writer};
pub use decimal::{DECIMAL_MAX, get_decimal, put_decimal};
pub use scalar::{Order, get_uint, put_uint};
pub use varint::{VARINT_MAX, Varint, get_varint, put_varint};
