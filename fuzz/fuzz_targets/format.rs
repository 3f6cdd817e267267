//! See `fdwire_fuzz::format`.
#![no_main]

fdwire_fuzz::target!(fdwire_fuzz::format::check);
