//! The header, taken apart.

use libtest_mimic::Failed;
use std::collections::BTreeSet;

/// What it declares, each declaration on one line, without comments.
pub(crate) fn declarations(header: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut declaration, mut depth) = (String::new(), 0);
    for c in code(header).chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        match c {
            ';' if depth == 0 => {
                found.push(std::mem::take(&mut declaration).split_whitespace().collect::<Vec<_>>().join(" "));
            }
            _ => declaration.push(c),
        }
    }
    found
}

/// The name of a function, if it is one that a declaration declares.
pub(crate) fn function(declaration: &str) -> Option<&str> {
    let (before, _) = declaration.split_once('(').filter(|_| !declaration.starts_with("typedef"))?;
    before.rsplit([' ', '*']).next()
}

pub(crate) fn functions(header: &str) -> BTreeSet<String> {
    declarations(header).iter().filter_map(|declaration| function(declaration)).map(String::from).collect()
}

/// The name of an enum that a declaration defines.
pub(crate) fn enumeration(declaration: &str) -> Option<&str> {
    declaration.strip_prefix("typedef enum ")?.split(' ').next()
}

/// Macros that are numbers, but those that count versions.
pub(crate) fn numbers(header: &str) -> Vec<(&str, &str)> {
    let macros = header.lines().filter_map(|line| line.strip_prefix("#define ")?.split_once(' '));
    macros.filter(|(name, value)| !name.contains("VERSION") && value.parse::<i64>().is_ok()).collect()
}

/// The header without comments, directives, and what is for C++ alone.
fn code(header: &str) -> String {
    let mut code = String::new();
    let mut rest = header;
    while let Some((before, after)) = rest.split_once("/*") {
        code.push_str(before);
        rest = after.split_once("*/").expect("a comment ends").1;
    }
    code.push_str(rest);
    let mut for_cpp = false;
    let lines = code.lines().filter(|line| {
        match *line {
            "#ifdef __cplusplus" => for_cpp = true,
            "#endif" => for_cpp = false,
            _ => {}
        }
        !for_cpp && !line.starts_with('#')
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Nothing is declared without a comment, and what gives something says what.
pub(crate) fn is_documented(header: &str) -> Result<(), Failed> {
    let mut wrong = Vec::new();
    let mut comment = String::new();
    let mut functions = 0;
    let mut constants = 0;
    let mut inside = false;
    for line in header.lines() {
        let text = line.trim();
        if text.starts_with("/*") {
            (inside, comment) = (true, String::new());
        }
        if inside {
            comment.push_str(text);
            inside = !text.ends_with("*/");
            continue;
        }
        let constant =
            text.strip_prefix("#define ").unwrap_or(text).starts_with("FDWIRE_") && text != "#define FDWIRE_H";
        constants += usize::from(constant);
        if constant && comment.is_empty() {
            wrong.push(format!("without a comment: {text}"));
        }
        if !line.starts_with([' ', '#', '}']) && text.contains('(') && !text.starts_with("typedef") {
            functions += 1;
            let (given, _) = text.split_once("fdwire_").unwrap_or_default();
            match (given, comment.contains("Returns:")) {
                _ if comment.is_empty() => wrong.push(format!("without a comment: {text}")),
                ("void ", true) => wrong.push(format!("returns nothing, and says what: {text}")),
                // A number of the wire is what the whole comment is about.
                ("void " | "float " | "double ", false) => {}
                (number, false) if number.starts_with("uint") => {}
                (_, false) => wrong.push(format!("does not say what it returns: {text}")),
                (_, true) => {}
            }
        }
        // A comment is for the next thing alone, or for a group of macros.
        if !text.starts_with("#define") {
            comment.clear();
        }
    }
    if functions != self::functions(header).len() || constants < 20 {
        wrong.push(format!("{functions} functions and {constants} constants were found"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}
