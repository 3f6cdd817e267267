//! Reads what strace writes.

use std::collections::{BTreeMap, HashMap};

/// How many calls of each kind a work has made, by the works' names.
pub(crate) type Calls = BTreeMap<String, BTreeMap<String, u64>>;

/// A line is a thread's number and a call, or the second half of one that another thread's came between. The thread says what
/// its calls are for by paths, see `calls.c`.
pub(crate) fn calls(trace: &str) -> Calls {
    let mut calls = Calls::new();
    let mut works: HashMap<&str, &str> = HashMap::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        if let Some((_, said)) = call.split_once("\"/fdwire-costs/") {
            match said.split('"').next().and_then(|said| said.strip_prefix("count/")) {
                Some(work) => works.insert(thread, work),
                None => works.remove(thread),
            };
        } else if let (Some(work), Some((kind, _))) = (works.get(thread), call.trim_start().split_once('('))
            && kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            *calls.entry((*work).to_owned()).or_default().entry(kind.to_owned()).or_default() += 1;
        }
    }
    calls
}
