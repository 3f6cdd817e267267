//! What the header declares: its functions, their parameters, and the codes that their comments name.

/// A function that is exported.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) returns: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) comment: String,
}

pub(crate) struct Parameter {
    /// As in C, like `const fdwire_msg *`.
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// All functions, each with the comment before it.
pub(crate) fn functions(header: &str) -> Result<Vec<Function>, String> {
    let mut functions = Vec::new();
    let mut bare = String::new();
    for part in header.split("/*").skip(1) {
        let (comment, code) = part.split_once("*/").ok_or("a comment has no end")?;
        bare.push_str(code);
        let declaration = code.split(';').next().unwrap_or_default().trim();
        if declaration.contains('(') && !declaration.starts_with(['#', 't']) {
            functions.push(function(declaration, comment).ok_or(format!("no prototype: {declaration}"))?);
        }
    }
    let prototypes = bare.split("fdwire_").filter(|rest| {
        let name = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        name.len() < rest.len() && name.starts_with('(')
    });
    match prototypes.count() {
        count if count == functions.len() => Ok(functions),
        count => Err(format!("{count} prototypes, of which {} were understood", functions.len())),
    }
}

fn function(declaration: &str, comment: &str) -> Option<Function> {
    let words = declaration.split_whitespace().collect::<Vec<_>>().join(" ");
    let (head, parameters) = words.strip_suffix(')')?.split_once('(')?;
    let (returns, name) = typed(head)?;
    let parameters = parameters.split(", ").filter(|parameter| *parameter != "void").map(|parameter| {
        let (kind, name) = typed(parameter)?;
        Some(Parameter { kind, name })
    });
    let comment = comment.lines().map(|line| line.trim().trim_start_matches('*').trim()).collect::<Vec<_>>().join(" ");
    Some(Function { name, returns, parameters: parameters.collect::<Option<_>>()?, comment })
}

/// A type, and the name behind it.
fn typed(text: &str) -> Option<(String, String)> {
    let start = text.rfind([' ', '*'])? + 1;
    let (kind, name) = text.split_at(start);
    Some((kind.trim().to_owned(), name.to_owned()))
}

/// What a function that returns a code may return.
#[derive(Default)]
pub(crate) struct Codes {
    /// Those that are named, as in C.
    pub(crate) named: Vec<String>,
    /// It refers to a manual page for others.
    pub(crate) of_system: bool,
    /// Success may be 1 as well as 0.
    pub(crate) one: bool,
    /// Success is a number of its own: a descriptor, or bits.
    pub(crate) any_number: bool,
}

/// The codes that the comment of a function names, and those of the functions that it refers to.
pub(crate) fn codes(function: &Function, all: &[Function]) -> Codes {
    let mut codes = Codes::default();
    gather(function, all, &mut codes, &mut Vec::new());
    let has = |name: &str| function.parameters.iter().any(|parameter| parameter.name == name);
    // What holds everywhere, and is not said again.
    codes.named.push("-EINVAL".into());
    if has("timeout_ms") {
        codes.named.extend(["-EAGAIN".into(), "-ETIMEDOUT".into()]);
    }
    if has("fd") || has("listener") {
        codes.named.push("-EBADF".into());
    }
    if has("conn") {
        // After fdwire_conn_finish, and inside of functions of the program's own.
        codes.named.extend(["FDWIRE_E_BROKEN", "-EPIPE", "-EDEADLK"].map(String::from));
    }
    codes.named.sort();
    codes.named.dedup();
    codes
}

fn gather<'h>(function: &'h Function, all: &'h [Function], codes: &mut Codes, seen: &mut Vec<&'h str>) {
    if seen.contains(&function.name.as_str()) {
        return;
    }
    seen.push(&function.name);
    let returns = function.comment.split_once("Returns: ").map_or("", |(_, returns)| returns);
    codes.any_number |= returns.starts_with("a descriptor") || returns.starts_with("these, or'ed");
    let words: Vec<&str> = returns.split_whitespace().map(|word| word.trim_end_matches([',', '.', ':', ';'])).collect();
    // What lasts is said by name where it is found.
    if ["error that", "errors that last", "decoder's error"].iter().any(|lasting| returns.contains(lasting)) {
        codes.named.extend(["FDWIRE_E_MALFORMED", "FDWIRE_E_TOO_LONG", "FDWIRE_E_TRUNCATED"].map(String::from));
        codes.of_system |= function.name.starts_with("fdwire_conn");
    }
    for (i, word) in words.iter().enumerate() {
        let before = i.checked_sub(1).map_or("", |before| words[before]);
        match *word {
            "1" | "FDWIRE_PENDING" => codes.one = true,
            // A bug is never allowed.
            "FDWIRE_E_PANIC" => {}
            _ if word.starts_with("-E") || word.starts_with("FDWIRE_E_") => codes.named.push((*word).to_owned()),
            _ if word.ends_with("(2)") => codes.of_system = true,
            _ if matches!(before, "as" | "what" | "What") => {
                all.iter().filter(|other| other.name == *word).for_each(|other| gather(other, all, codes, seen));
            }
            _ => {}
        }
    }
}
