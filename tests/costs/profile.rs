//! Reads what callgrind writes.

use std::collections::HashMap;

/// The instructions that were done in functions of an object, those that they called left out.
///
/// A cost is in a line of a place and a number, below a line that says in which object (`ob=`). Names are numbered, and written
/// out where they come first. A line behind `calls=` has the cost of the function that was called, which is counted where that
/// one stands.
pub(crate) fn own_cost(profile: &str, object: &str) -> Result<u64, String> {
    let mut objects = HashMap::new();
    let (mut cost, mut found, mut is_ours, mut is_of_call) = (0, false, false, false);
    for line in profile.lines() {
        let (key, value) = line.split_once('=').unwrap_or(("", line));
        match key {
            "ob" | "cob" => {
                let (number, name) = value.split_once(' ').unwrap_or((value, ""));
                if !name.is_empty() {
                    objects.insert(number, name.ends_with(object));
                }
                if key == "ob" {
                    is_ours = *objects.get(number).ok_or("a number without a name")?;
                    found |= is_ours;
                }
            }
            "calls" => is_of_call = true,
            "" if line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c)) => {
                if is_ours && !is_of_call {
                    let own = line.split(' ').nth(1).and_then(|own| own.parse::<u64>().ok());
                    cost += own.ok_or_else(|| format!("no cost: {line}"))?;
                }
                is_of_call = false;
            }
            _ => {}
        }
    }
    if found { Ok(cost) } else { Err(format!("nothing of {object} was done")) }
}
