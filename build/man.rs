//! Manual pages, made from the header: an overview, a page a chapter, and for every function and type a link to its page.

use crate::declared::{self, Chapter, Item};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Names of files and what they have in them. `files` are the names of the chapters, in the order of the header.
pub(crate) fn pages(header: &str, files: &[&str], version: &str) -> Vec<(String, String)> {
    let (opening, chapters) = declared::chapters(header, files);
    let names: BTreeSet<&str> = chapters.iter().flat_map(|chapter| &chapter.items).flat_map(Item::name).collect();
    let mut pages = vec![("fdwire.3".into(), overview(&opening, &chapters, &names, version))];
    for chapter in &chapters {
        pages.push((format!("{}.3", chapter.page), page_of(chapter, &names, version)));
        let linked = chapter.items.iter().filter_map(Item::name).filter(|name| *name != chapter.page);
        pages.extend(linked.map(|name| (format!("{name}.3"), format!(".so man3/{}.3\n", chapter.page))));
    }
    pages
}

/// The page of a chapter.
fn page_of(chapter: &Chapter, names: &BTreeSet<&str>, version: &str) -> String {
    let mut page = title(&chapter.page, version);
    let own = chapter.items.iter().filter_map(Item::name).filter(|name| *name != chapter.page);
    let about: Vec<&str> = std::iter::once(chapter.page.as_str()).chain(own).collect();
    page.push_str(&format!("{} \\- {}\n", about.join(", "), lower(chapter.title)));
    page.push_str(".SH SYNOPSIS\n.nf\n.B #include <fdwire.h>\n.PP\n");
    for line in chapter.items.iter().filter(|item| item.is_function()).flat_map(Item::plain) {
        page.push_str(&bold(&line));
    }
    page.push_str(".fi\n");
    if !chapter.opening.is_empty() {
        page.push_str(&format!(".SH DESCRIPTION\n{}", text(&chapter.opening, names)));
    }
    for (heading, functions) in [("TYPES AND CONSTANTS", false), ("FUNCTIONS", true)] {
        let items: Vec<&Item> = chapter.items.iter().filter(|item| item.is_function() == functions).collect();
        if !items.is_empty() {
            page.push_str(&format!(".SH {heading}\n"));
        }
        items.iter().for_each(|item| page.push_str(&section(item, names)));
    }
    page.push_str(".SH SEE ALSO\n.BR fdwire (3)\n");
    page
}

/// The page fdwire(3).
fn overview(opening: &[&str], chapters: &[Chapter], names: &BTreeSet<&str>, version: &str) -> String {
    let mut page = title("fdwire", version);
    let (_, about) = opening[0].split_once(": ").expect("the header says what it is");
    let link = "cc program.c $(pkg-config --cflags --libs fdwire)";
    write!(
        page,
        "fdwire \\- {}\n.SH SYNOPSIS\n.nf\n.B #include <fdwire.h>\n.PP\n{}.fi\n.SH DESCRIPTION\n{}.SH PAGES\n",
        escaped(about.trim_end_matches('.'), false),
        bold(link),
        text(&opening[1..], names)
    )
    .expect("a String takes all");
    for Chapter { page: name, title, .. } in chapters {
        page.push_str(&format!(".TP\n.BR {name} (3)\n{title}\n"));
    }
    page
}

/// The first lines of a page. A build is the same on every day, so there is no date.
fn title(page: &str, version: &str) -> String {
    format!(
        ".\\\" Made from the header when fdwire is built.\n.TH {} 3 \"\" \"fdwire {version}\"\n.nh\n.ad l\n.SH NAME\n",
        page.to_uppercase()
    )
}

/// What is to say about an item.
fn section(item: &Item, names: &BTreeSet<&str>) -> String {
    let mut section = format!(".SS {}\n.nf\n", escaped(&item.heading(), false));
    item.plain().iter().for_each(|line| section.push_str(&bold(line)));
    section.push_str(&format!(".fi\n.PP\n{}", text(&item.doc, names)));
    if item.code[0].ends_with('{') {
        for (members, doc) in item.members() {
            section.push_str(&format!(".TP\n{}{}", bold(&members.join(", ")), text(&doc, names)));
        }
    }
    section
}

/// A comment: its paragraphs filled, and what is set in columns left as it is.
fn text(lines: &[&str], names: &BTreeSet<&str>) -> String {
    let blocks = lines.split(|line| line.is_empty()).filter(|block| !block.is_empty());
    let blocks: Vec<String> = blocks
        .map(|block| match block[0].starts_with("  ") {
            true => format!(".EX\n{}.EE\n", lines_of(block, |line| escaped(line, true))),
            false => lines_of(block, |line| marked(line, names)),
        })
        .collect();
    blocks.join(".PP\n")
}

fn lines_of(block: &[&str], set: impl Fn(&str) -> String) -> String {
    block.iter().map(|line| set(line) + "\n").collect()
}

/// A line of text, with names of the library and of other pages set bold.
fn marked(line: &str, names: &BTreeSet<&str>) -> String {
    let mut out = String::new();
    let mut rest = line;
    for opening in ["Returns:", "Results.", "Waiting.", "Descriptors.", "Pointers.", "Memory.", "Threads."] {
        if let Some(after) = line.strip_prefix(opening) {
            write!(out, "\\fB{opening}\\fP").expect("a String takes all");
            rest = after;
        }
    }
    while !rest.is_empty() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let word = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
        let after = &rest[word.len()..];
        let of_manual = after.starts_with('(') && after[1..].starts_with(|c: char| ('1'..'9').contains(&c));
        if names.contains(word) || word.starts_with("FDWIRE_") || (of_manual && !word.is_empty()) {
            write!(out, "\\fB{word}\\fP").expect("a String takes all");
        } else {
            out.push_str(word);
        }
        let other = &after[..after.find(is_word).unwrap_or(after.len())];
        let minus = other.ends_with('-') && (other.len() > 1 || word.is_empty());
        out.push_str(&escaped(other, minus));
        rest = &after[other.len()..];
    }
    guarded(out)
}

fn bold(line: &str) -> String {
    format!("\\fB{}\\fP\n", escaped(line, true))
}

/// What roff takes for its own is escaped; a minus is no hyphen.
fn escaped(line: &str, minus: bool) -> String {
    let mut out = String::new();
    for c in line.chars() {
        match c {
            '\\' => out.push_str("\\e"),
            '-' if minus => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '`' => out.push_str("\\(ga"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            c => out.push(c),
        }
    }
    guarded(out)
}

/// A line that begins with a full stop would be a macro.
fn guarded(line: String) -> String {
    if line.starts_with('.') { format!("\\&{line}") } else { line }
}

fn lower(title: &str) -> String {
    title[..1].to_lowercase() + &title[1..]
}
