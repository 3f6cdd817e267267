//! What two connections talk over.

use super::line::Line;
use crate::c::Format;
use crate::conn::Conn;
use crate::fds::{close, pipe, shrink, socket_pair, write_now};
use std::ffi::c_int;

/// What a connection reads from, and what it writes to.
pub(super) enum End {
    Socket(c_int),
    Pipes { input: c_int, output: c_int },
    Functions(Box<Line>),
}

impl End {
    /// Two ends: of a pair of Unix sockets or, now and then, of two pipes, or of a line in memory.
    pub(super) fn pair(choice: u8) -> [End; 2] {
        match choice & 9 {
            0 => {
                let fds = socket_pair();
                if choice & 4 > 0 {
                    fds.iter().for_each(|fd| shrink(*fd));
                }
                fds.map(End::Socket)
            }
            1 => {
                let [[r, w], [back_r, back_w]] = [pipe(), pipe()];
                [End::Pipes { input: back_r, output: w }, End::Pipes { input: r, output: back_w }]
            }
            _ => Line::pair(choice.into()).map(End::Functions),
        }
    }

    pub(super) fn is_socket(&self) -> bool {
        matches!(self, End::Socket(_))
    }

    pub(super) fn is_pipe(&self) -> bool {
        matches!(self, End::Pipes { .. })
    }

    pub(super) fn connect(&self, format: &Format) -> Conn {
        match self {
            End::Socket(fd) => Conn::new(*fd, *fd, format),
            End::Pipes { input, output } => Conn::new(*input, *output, format),
            End::Functions(line) => line.connect(format),
        }
    }

    /// Writes what goes at once, and says how much that is.
    pub(super) fn write(&self, bytes: &[u8]) -> usize {
        match self {
            End::Socket(fd) => write_now(*fd, true, bytes),
            End::Pipes { output, .. } => write_now(*output, false, bytes),
            End::Functions(line) => line.write(bytes),
        }
    }

    /// Where no connection owns it.
    pub(super) fn close(&self) {
        match self {
            End::Socket(fd) => close(*fd),
            End::Pipes { input, output } => [*input, *output].into_iter().for_each(close),
            End::Functions(_) => {}
        }
    }
}
