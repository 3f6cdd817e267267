//! See `fdwire_fuzz::calls`.
#![no_main]

fdwire_fuzz::target!(fdwire_fuzz::calls::check);
