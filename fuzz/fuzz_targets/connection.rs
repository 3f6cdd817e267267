//! See `fdwire_fuzz::connection`.
#![no_main]

fdwire_fuzz::target!(fdwire_fuzz::connection::check);
