//! Memory that may run out: asked for, never taken for granted. A program that cannot have more gets an error and goes on.

use crate::Error;

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
