//! See `fdwire_fuzz::roundtrip`.
#![no_main]

fdwire_fuzz::target!(fdwire_fuzz::roundtrip::check);
