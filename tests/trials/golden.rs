//! The bytes on the wire, as `tests/c/golden.c` prints them, against those that are kept in `tests/golden`: the same on every
//! machine, but for what is in the machine's own order.

use super::in_root;
use libtest_mimic::Failed;

/// What the program prints before that.
const NATIVE: &str = "in the machine's order:\n";

/// Compares, or keeps the bytes with `FDWIRE_RENEW` set. `order` is the machine's. Says how many bytes were compared.
pub(crate) fn compare(printed: &str, order: &str) -> Result<usize, Failed> {
    let (wire, native) = printed.split_once(NATIVE).ok_or("golden.c ended too early")?;
    Ok(same("wire", wire)? + same(order, native)?)
}

fn same(name: &str, printed: &str) -> Result<usize, Failed> {
    let path = in_root(&format!("tests/golden/{name}.txt"));
    if std::env::var_os("FDWIRE_RENEW").is_some() {
        std::fs::write(&path, printed)?;
    }
    let kept = std::fs::read_to_string(&path)?;
    let other = kept.lines().zip(printed.lines()).find(|(kept, printed)| kept != printed);
    if let Some((kept, printed)) = other {
        return Err(format!("{}:\n  kept    {kept}\n  printed {printed}", path.display()).into());
    }
    match kept == printed {
        true => Ok(printed.lines().map(bytes).sum()),
        false => Err(format!("{}: more or fewer lines than are kept", path.display()).into()),
    }
}

/// How many bytes a line shows.
fn bytes(line: &str) -> usize {
    let Some((_, shown)) = line.rsplit_once(": ").or_else(|| line.rsplit_once(' ')) else { return 0 };
    let pieces = shown.split([' ', '|']).filter(|piece| !piece.is_empty());
    let len = |piece: &str| match piece.split_once('*') {
        Some((before, times)) => before.len() / 2 - 1 + times.parse().unwrap_or(0),
        None => piece.len() / 2,
    };
    pieces.map(len).sum()
}
