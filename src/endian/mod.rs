//! Byte order: fixed-width integers and floats, variable-length integers, arrays, and cursors over a buffer.
//!
//! Pure, and depends on nothing.
//!
//! ```
//! use fdwire::endian::{Fault, Order, Reader, Writer};
//!
//! let mut record = [0; 16];
//! let mut writer = Writer::new(&mut record, 0, Order::Big);
//! writer.uint(7, 2);
//! writer.varint(300);
//! writer.bytes(b"name");
//! assert_eq!((writer.pos(), writer.fault()), (8, None));
//!
//! let mut reader = Reader::new(&record[..8], 0, Order::Big);
//! assert_eq!((reader.uint(2), reader.varint()), (7, 300));
//! assert_eq!(reader.bytes(4), Some(&b"name"[..]));
//! // One check at the end is enough: the first step that goes wrong is remembered.
//! assert_eq!((reader.uint(8), reader.fault()), (0, Some(Fault::PastEnd)));
//! ```

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
