//! Pages of text with blocks of code in them, between lines of three backquotes.

use std::path::{Path, PathBuf};

#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) blocks: Vec<Block>,
}

#[derive(Clone)]
pub(crate) struct Block {
    /// The language, and what is to become of the block.
    pub(crate) info: String,
    /// The number of its first line's opening fence, from 1: the index of what follows it.
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Block {
    /// Whether it prints something.
    pub(crate) fn is_run(&self) -> bool {
        self.info.starts_with("c program") || self.info.starts_with("sh run")
    }
}

impl Page {
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut blocks = Vec::new();
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            if let Some(info) = line.strip_prefix("```") {
                let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
                let text = inside.fold(String::new(), |text, line| text + line + "\n");
                blocks.push(Block { info: info.to_owned(), line: at + 1, text });
            }
        }
        Self { path: path.to_owned(), text, blocks }
    }

    pub(crate) fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).expect("pages have plain names")
    }

    /// The only block that is called so.
    pub(crate) fn block(&self, info: &str) -> &str {
        let mut blocks = self.blocks.iter().filter(|block| block.info == info);
        match (blocks.next(), blocks.next()) {
            (Some(block), None) => &block.text,
            _ => panic!("{}: one block is to be called {info}", self.name()),
        }
    }
}

/// The pages of a folder, by name.
pub(crate) fn all(folder: &Path) -> Vec<Page> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|ext| ext == "md")).collect();
    paths.sort();
    assert!(paths.len() > 3, "pages are missing");
    paths.iter().map(|path| Page::read(path)).collect()
}
