//! See `fdwire_fuzz::decode`.
#![no_main]

fdwire_fuzz::target!(fdwire_fuzz::decode::check);
