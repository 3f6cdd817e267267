//! See `fdwire_fuzz::cursor`.
#![no_main]

fdwire_fuzz::target!(fdwire_fuzz::cursor::check);
