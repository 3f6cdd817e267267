//! The header, taken apart: its opening, its chapters, and what each declares.

/// How wide a prototype may get; a terminal has 80 columns, and a page a margin.
const WIDTH: usize = 72;

pub(crate) struct Chapter<'h> {
    /// The name of its manual page.
    pub(crate) page: String,
    pub(crate) title: &'h str,
    /// What it says before it declares anything.
    pub(crate) opening: Vec<&'h str>,
    pub(crate) items: Vec<Item<'h>>,
}

/// A declaration, or macros that belong together, and what their comment says.
pub(crate) struct Item<'h> {
    pub(crate) doc: Vec<&'h str>,
    pub(crate) code: Vec<&'h str>,
}

/// The opening's lines, and the chapters; `files` are the names of these, in the order of the header.
pub(crate) fn chapters<'h>(header: &'h str, files: &[&str]) -> (Vec<&'h str>, Vec<Chapter<'h>>) {
    let mut opening = Vec::new();
    let mut chapters: Vec<Chapter> = Vec::new();
    // No declaration and no comment has an empty line in it.
    for chunk in header.split("\n\n") {
        let (comment, code) = apart(chunk);
        if let Some(title) = chunk.strip_prefix("/* ---- ").map(|rest| rest.split(" --").next().unwrap_or_default()) {
            let page = format!("fdwire_{}", files[chapters.len()]);
            chapters.push(Chapter { page, title, opening: comment[1..].to_vec(), items: Vec::new() });
        } else if chunk.starts_with("/**") {
            let chapter = chapters.last_mut().expect("what is declared is in a chapter");
            chapter.items.push(Item { doc: comment, code });
        } else if chunk.starts_with("/*") {
            opening = comment;
        }
    }
    assert_eq!(chapters.len(), files.len(), "each chapter of the header is a file");
    (opening, chapters)
}

/// The lines of a comment at the beginning, and what follows it.
fn apart(chunk: &str) -> (Vec<&str>, Vec<&str>) {
    let end = chunk.find("*/").map_or(0, |at| at + 2);
    let comment = chunk[..end].trim_end_matches("*/").trim_end();
    let comment = comment.strip_prefix("/**").or(comment.strip_prefix("/*")).unwrap_or(comment);
    let lines = comment.lines().map(|line| {
        let line = line.trim_start().strip_prefix('*').unwrap_or(line);
        line.strip_prefix(' ').unwrap_or(line).trim_end()
    });
    (lines.skip_while(|line| line.is_empty()).collect(), chunk[end..].lines().filter(|line| !line.is_empty()).collect())
}

impl<'h> Item<'h> {
    /// What there is to be a page about: a function or a type; a macro is none.
    pub(crate) fn name(&self) -> Option<&'h str> {
        let first = self.code.first()?;
        match first.strip_prefix("typedef ") {
            _ if first.starts_with('#') => None,
            None => first.split_once('(')?.0.rsplit([' ', '*']).next(),
            Some(of) if of.starts_with("enum ") || of.starts_with("struct ") => {
                of.split(' ').nth(1).map(|name| name.trim_end_matches(';'))
            }
            Some(of) => of.split_once("(*")?.1.split(')').next(),
        }
    }

    pub(crate) fn heading(&self) -> String {
        match self.name() {
            Some(name) if self.is_function() => format!("{name}()"),
            Some(name) => name.to_owned(),
            None => self.code[0].split(' ').nth(1).unwrap_or_default().to_owned(),
        }
    }

    pub(crate) fn is_function(&self) -> bool {
        !self.code[0].starts_with("typedef") && !self.code[0].starts_with('#')
    }

    /// The code without the comments in it, prototypes broken so that they fit.
    pub(crate) fn plain(&self) -> Vec<String> {
        let mut inside = false;
        let code = self.code.iter().filter(|line| {
            let line = line.trim();
            inside |= line.starts_with("/**");
            let comment = inside;
            inside &= !line.ends_with("*/");
            !comment
        });
        match self.code.last() {
            Some(last) if last.ends_with(");") => broken(&code.map(|line| line.trim()).collect::<Vec<_>>().join(" ")),
            _ => code.map(ToString::to_string).collect(),
        }
    }

    /// What is said of members of an enum or a struct, several under one comment where they share it.
    pub(crate) fn members(&self) -> Vec<(Vec<String>, Vec<&'h str>)> {
        let mut members: Vec<(Vec<String>, Vec<&str>)> = Vec::new();
        let mut inside = false;
        for line in &self.code[1..] {
            let text = line.trim();
            if text.starts_with("/**") {
                members.push((Vec::new(), Vec::new()));
                inside = true;
            }
            let Some((names, doc)) = members.last_mut() else { continue };
            if inside {
                let said = text.trim_start_matches("/**").trim_end_matches("*/").trim_start_matches('*').trim();
                doc.extend(Some(said).filter(|said| !said.is_empty()));
                inside = !text.ends_with("*/");
            } else if line.starts_with(' ') {
                names.push(text.trim_end_matches([',', ';']).to_owned());
            }
        }
        members
    }
}

/// A prototype in lines that are not too long, broken between its parameters.
fn broken(prototype: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for piece in prototype.split_inclusive(", ") {
        let last = lines.last_mut().expect("there is a first one");
        if last.is_empty() || last.len() + piece.trim_end().len() <= WIDTH {
            last.push_str(piece);
        } else {
            lines.push(format!("    {piece}"));
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}
