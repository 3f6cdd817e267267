//! What the README says works: its C program, linked in both ways with its own commands.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

const README: &str = include_str!("../README.md");

/// The blocks of a language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("```{language}\n");
    README.split(opening.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// A folder that looks like the project after its first command.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = |name: &str| -> PathBuf { std::env::current_exe().unwrap().with_file_name(name) };
    let release = folder.path().join("target/release");
    std::fs::create_dir_all(&release).unwrap();
    symlink(root.join("include"), folder.path().join("include")).unwrap();
    symlink(built("libfdwire.so"), release.join("libfdwire.so")).unwrap();
    symlink(built("libfdwire.so"), release.join(env!("FDWIRE_SONAME"))).unwrap();
    symlink(built("libfdwire.a"), release.join("libfdwire.a")).unwrap();
    folder
}

fn sh(folder: &Path, command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).current_dir(folder).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {}\n{error}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_c_program_works_when_pasted() {
    let folder = project();
    let program = blocks("c")[0];
    assert!(program.lines().count() <= 22, "it is to be short");
    std::fs::write(folder.path().join("hello.c"), program).unwrap();
    let links: Vec<&str> = blocks("sh").into_iter().flat_map(str::lines).filter(|l| l.starts_with("cc ")).collect();
    assert_eq!(links.len(), 2, "shared and static");
    let expected = blocks("text").into_iter().find(|block| block.starts_with("11 bytes")).unwrap();
    for link in links {
        let strict = link.replace("cc hello.c", "cc -Wall -Wextra -Werror hello.c");
        sh(folder.path(), &strict);
        assert_eq!(sh(folder.path(), "./hello"), expected, "{link}");
        std::fs::remove_file(folder.path().join("hello")).unwrap();
    }
}

#[test]
fn the_python_program_works_when_pasted() {
    let folder = project();
    std::fs::write(folder.path().join("packed.py"), blocks("python")[0]).unwrap();
    assert_eq!(sh(folder.path(), "python3 packed.py"), "[b'hello', b'', b'from Python']\n");
}

#[test]
fn every_format_of_the_table_is_one() {
    let section = README.split("\n## ").find(|section| section.starts_with("Formats")).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|line| line.split_once('`'));
    let texts: Vec<&str> = rows.map(|(text, _)| text).collect();
    assert!(texts.len() >= 8, "{texts:?}");
    for text in texts {
        fdwire::format::Format::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[test]
fn the_picture_is_what_describe_draws() {
    let picture = blocks("text").into_iter().find(|block| block.starts_with("u32be at=1")).unwrap();
    assert_eq!(fdwire::format::Format::parse("u32be at=1 counts=field").unwrap().describe().to_string(), picture);
}
