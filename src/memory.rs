//! Memory: asked for, never taken for granted, since it may run out: a program that cannot have more gets an error and goes on.

use crate::Error;
use std::ops::RangeInclusive;

/// Adds an element.
///
/// # Errors
/// [`Error::NoMemory`], with nothing changed.
pub(crate) fn push<T>(list: &mut Vec<T>, element: T) -> Result<(), Error> {
    reserve(list, 1)?;
    list.push(element);
    Ok(())
}

/// Makes room for as many more elements, and for some that may follow.
pub(crate) fn reserve<T>(list: &mut Vec<T>, more: usize) -> Result<(), Error> {
    list.try_reserve(more).map_err(|_| Error::NoMemory)
}

/// Makes room for just as many more elements.
pub(crate) fn reserve_exact<T>(list: &mut Vec<T>, more: usize) -> Result<(), Error> {
    list.try_reserve_exact(more).map_err(|_| Error::NoMemory)
}

/// A copy.
pub(crate) fn copy<T: Copy>(elements: &[T]) -> Result<Vec<T>, Error> {
    let mut list = Vec::new();
    reserve_exact(&mut list, elements.len())?;
    list.extend_from_slice(elements);
    Ok(list)
}

/// So many bytes are copied without a call.
pub(crate) const FEW: RangeInclusive<usize> = 8..=64;

/// Copies bytes to a place as long as they are, without a call if they are few.
#[inline(always)]
pub(crate) fn copy_short(to: &mut [u8], from: &[u8]) {
    /// By two pieces that overlap.
    #[inline(always)]
    fn twice<const N: usize>(to: &mut [u8], from: &[u8]) -> Option<()> {
        *to.first_chunk_mut::<N>()? = *from.first_chunk()?;
        *to.last_chunk_mut::<N>()? = *from.last_chunk()?;
        Some(())
    }
    let copied = match from.len() {
        8..=16 => twice::<8>(to, from),
        17..=32 => twice::<16>(to, from),
        33..=64 => twice::<32>(to, from),
        _ => None,
    };
    if copied.is_none() {
        to.copy_from_slice(from);
    }
}

/// A value that is mostly not there, and then costs a place for a pointer; made without aborting the program where there is no
/// memory, which a Box cannot promise.
#[derive(Debug)]
pub(crate) struct Rare<T>(Option<Box<[T; 1]>>);

impl<T> Rare<T> {
    pub(crate) fn none() -> Rare<T> {
        Rare(None)
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|one| &one[0])
    }

    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_mut().map(|one| &mut one[0])
    }

    /// What is there, or what `make` makes.
    pub(crate) fn get_or_make(&mut self, make: impl FnOnce() -> T) -> Result<&mut T, Error> {
        if self.0.is_none() {
            let mut one = Vec::new();
            reserve_exact(&mut one, 1)?;
            one.push(make());
            self.0 = one.into_boxed_slice().try_into().ok();
        }
        self.get_mut().ok_or(Error::NoMemory)
    }
}
