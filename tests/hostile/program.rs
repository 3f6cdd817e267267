//! Writes the table as a program of C: for each function one that calls it with values picked by number, and what is known of
//! each value.

use crate::header::{Codes, Function, codes};
use crate::values::{Expect, Memory, Value, Values, frees, values};
use std::fmt::Write;

pub(crate) fn program(functions: &[Function]) -> Result<String, String> {
    let mut out = String::from("#include \"scene.h\"\n");
    let mut table = String::new();
    for (i, function) in functions.iter().enumerate() {
        let given: Vec<Values> =
            (0..function.parameters.len()).map(|at| values(function, at)).collect::<Result<_, _>>()?;
        out.push_str(&call(i, function, &given));
        out.push_str(&known(i, function, &given));
        let Codes { named, of_system, one, any_number } = codes(function, functions);
        // 0 ends them.
        writeln!(out, "static const int codes_{i}[] = {{{}, 0}};", named.join(", ")).expect("a String takes it");
        let most = if any_number {
            "INT_MAX"
        } else if one {
            "1"
        } else {
            "0"
        };
        let closes = matches!(function.name.as_str(), "fdwire_close" | "fdwire_finish");
        writeln!(
            table,
            "  {{\"{}\", call_{i}, {}, parameters_{i}, codes_{i}, {}, {most}, {}, {}, {}}},",
            function.name,
            given.len(),
            i32::from(of_system),
            i32::from(function.returns == "int"),
            i32::from(closes),
            i32::from(frees(function)),
        )
        .expect("a String takes it");
    }
    write!(
        out,
        "\nconst struct function functions[] = {{\n{table}}};\nconst int function_count = {};\n",
        functions.len()
    )
    .expect("a String takes it");
    Ok(out)
}

/// The call itself, from the values to what becomes of the result.
fn call(i: usize, function: &Function, given: &[Values]) -> String {
    let (mut body, mut memories) = (String::new(), String::new());
    for (at, (parameter, Values { values, memory })) in function.parameters.iter().zip(given).enumerate() {
        let star = if parameter.kind.ends_with('*') { "" } else { " " };
        body += &format!("  {}{star}p{at} = {};\n", parameter.kind, nothing(&parameter.kind));
        body += &format!("  switch (pick[{at}]) {{\n");
        for (number, value) in values.iter().enumerate() {
            let c = value.c.replace('@', &at.to_string());
            body += &format!("  case {number}: p{at} = {}{c}; break;\n", cast(&parameter.kind, &c));
        }
        if let Some(kept) = kept(&parameter.kind) {
            body += &format!("  case KEPT: p{at} = s->{kept}; break;\n");
        }
        body += "  }\n";
        match memory {
            Memory::None => {}
            Memory::Input => memories += &format!("  expect_memory(s, {at}, p{at}, 0, INPUT);\n"),
            Memory::Room(len, size) => {
                memories += &format!("  expect_memory(s, {at}, p{at}, room_of(p{len}, {size}), ROOM);\n");
            }
            Memory::Output(size) => memories += &format!("  expect_memory(s, {at}, p{at}, {size}, OUTPUT);\n"),
            Memory::Always(size) => memories += &format!("  expect_memory(s, {at}, p{at}, {size}, ROOM);\n"),
        }
    }
    let names: Vec<String> = (0..given.len()).map(|at| format!("p{at}")).collect();
    let names = names.join(", ");
    body += &memories;
    body += "  enter(s);\n";
    body += &match function.returns.as_str() {
        "int" => format!("  s->result = {}({names});\n", function.name),
        "void" => format!("  {}({names});\n", function.name),
        "const char *" => format!("  s->text = {}({names});\n", function.name),
        "const uint8_t *" => format!("  s->found = {}({names});\n", function.name),
        _ => format!("  s->value = (long double){}({names});\n", function.name),
    };
    body += "  leave(s);\n";
    for (at, parameter) in function.parameters.iter().enumerate() {
        match parameter.kind.as_str() {
            "fdwire_conn **" => body += &format!("  if (s->result == 0) use_conn(s, *p{at});\n"),
            "fdwire_decoder **" => body += &format!("  if (s->result == 0) use_decoder(s, *p{at});\n"),
            "fdwire_format **" => body += &format!("  if (s->result == 0) use_format(s, *p{at});\n"),
            "fdwire_msg *" if parameter.name != "msgs" => {
                body += &format!("  if (s->result == 1) read_lent(s, p{at});\n");
            }
            "int *" => body += &format!("  if (s->result == 1) close_taken(p{at}, *p{});\n", at + 2),
            _ if frees(function) => body += &format!("  forget(s, p{at});\n"),
            _ => {}
        }
    }
    let unused = if given.is_empty() { "  (void)pick;\n" } else { "" };
    format!("\nstatic void call_{i}(struct scene *s, const unsigned char *pick) {{\n{unused}{body}}}\n")
}

/// What a variable of this type is before a value was picked.
fn nothing(kind: &str) -> &'static str {
    if kind.ends_with('*') || kind.ends_with("_fn") { "NULL" } else { "0" }
}

/// Memory is given out untyped, and a number may be too large for its type.
fn cast(kind: &str, c: &str) -> String {
    let needed = c != "NULL" && !kind.ends_with("_fn") && !c.starts_with('"');
    if needed { format!("({kind})") } else { String::new() }
}

/// The objects of which a scene keeps one through a sequence of calls.
fn kept(kind: &str) -> Option<&'static str> {
    match kind {
        "fdwire_conn *" => Some("kept_conn"),
        "fdwire_decoder *" | "const fdwire_decoder *" => Some("kept_decoder"),
        _ => None,
    }
}

/// What is known of each value, and of the results.
fn known(i: usize, function: &Function, given: &[Values]) -> String {
    let mut out = String::new();
    let mut parameters = String::new();
    for (at, (parameter, Values { values, .. })) in function.parameters.iter().zip(given).enumerate() {
        let texts = values.iter().map(|Value { c, .. }| format!("\"{}\"", escaped(&c.replace('@', &at.to_string()))));
        let expects = values.iter().map(|value| match value.expect {
            Expect::Any => "ANY",
            Expect::Code(code) => code,
            Expect::Same => "SAME",
        });
        out += &format!("static const char *const texts_{i}_{at}[] = {{{}}};\n", texts.collect::<Vec<_>>().join(", "));
        out += &format!("static const int expects_{i}_{at}[] = {{{}}};\n", expects.collect::<Vec<_>>().join(", "));
        let sort = match parameter.kind.as_str() {
            "fdwire_conn *" => "A_CONN",
            "fdwire_decoder *" | "const fdwire_decoder *" => "A_DECODER",
            "size_t" => "A_SIZE",
            "int" if parameter.name == "timeout_ms" => "A_TIMEOUT",
            _ => "OTHER",
        };
        parameters += &format!("{{{}, texts_{i}_{at}, expects_{i}_{at}, {sort}}}, ", values.len());
    }
    // C has no empty arrays.
    out += &format!("static const struct parameter parameters_{i}[] = {{{parameters}{{0, NULL, NULL, OTHER}}}};\n");
    out
}

fn escaped(c: &str) -> String {
    c.replace('\\', "\\\\").replace('"', "\\\"")
}
