//! What `cargo cinstall` installs, and building with it as `docs/guide/install.md` says: its commands and files are the ones that
//! are run here, on the program that the README has.

#[path = "abi/elf.rs"]
#[allow(dead_code)]
mod elf;
#[path = "abi/header.rs"]
#[allow(dead_code)]
mod header;
mod trials;

use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use trials::pages::Page;
use trials::{ROOT, figure, in_root, lack, output, run, test};

const HEADER: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/include/fdwire.h"));
const README: &str = include_str!("../README.md");
const SONAME: &str = env!("FDWIRE_SONAME");

/// The prefix that the library is installed in, or why it is not.
static INSTALLED: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| install("sh install", "target/installed"));

/// Another one, for musl.
static OF_MUSL: LazyLock<Result<PathBuf, String>> =
    LazyLock::new(|| install("sh install musl", "target/installed-musl"));

/// What the folder is called in which a tree is packed, behind the name of its prefix.
const PACKED: &str = "-packed";

static GUIDE: LazyLock<Page> = LazyLock::new(|| Page::read(&in_root("docs/guide/install.md")));

fn main() {
    let arguments = Arguments::from_args();
    let mut tests = vec![
        of_tree("tree: what the guide shows, and nothing else", None, is_as_shown),
        of_tree("tree: the committed header", None, has_the_committed_header),
        of_tree("tree: the libraries are those of the release", lack("readelf", "--version"), has_the_libraries),
        of_tree("tree: a manual page for every function and type", lack("man", "--version"), has_manual_pages),
        of_tree("tree: nothing knows where it was packed", None, is_packed),
        of_tree("pkg-config: what it says", lack("pkg-config", "--version"), says_what_is_needed),
        of_tree("pkg-config: shared", tools(&["pkg-config", "cc"]), |prefix| by_hand(prefix, "sh run shared")),
        of_tree("pkg-config: static", tools(&["pkg-config", "cc"]), |prefix| by_hand(prefix, "sh run static")),
        of_tree("pkg-config: all static", tools(&["pkg-config", "cc"]), |prefix| by_hand(prefix, "sh run all static")),
        test("pkg-config: musl".into(), lack_of_musl(), by_musl),
        of_tree("pkg-config: a tree that was moved", tools(&["pkg-config", "cc"]), may_be_moved),
        of_tree("pkg-config: nothing but static", tools(&["pkg-config", "cc"]), needs_no_shared_library),
    ];
    for way in ["shared", "static"] {
        let is_static = way == "static";
        let lacking = tools(&["pkg-config", "cmake", "cc"]);
        tests.push(of_tree(&format!("CMake: {way}"), lacking, move |prefix| by_cmake(prefix, is_static)));
        let lacking = tools(&["pkg-config", "meson", "ninja", "cc"]);
        tests.push(of_tree(&format!("Meson: {way}"), lacking, move |prefix| by_meson(prefix, is_static)));
    }
    let ways = tests.len();
    let conclusion = libtest_mimic::run(&arguments, tests);
    if conclusion.num_failed + conclusion.num_ignored + conclusion.num_filtered_out == 0 {
        figure("install.trials", ways, "tests of an installed tree, and of building with it");
    }
    conclusion.exit();
}

/// The first of these that is not to be had.
fn tools(programs: &[&str]) -> Option<String> {
    programs.iter().find_map(|program| lack(program, "--version"))
}

/// A test of the installed tree.
fn of_tree(
    name: &str,
    lacking: Option<String>,
    body: impl FnOnce(&Path) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    test(name.into(), lack_of_installer().or(lacking), move || {
        let prefix = INSTALLED.as_deref().map_err(|why| Failed::from(why.clone()))?;
        body(prefix)
    })
}

fn lack_of_installer() -> Option<String> {
    let linux = (!cfg!(target_os = "linux")).then(|| "Linux, whose names of libraries are known here".to_owned());
    linux.or_else(|| lack("cargo-cinstall", "--version"))
}

fn lack_of_musl() -> Option<String> {
    let other = (!cfg!(target_arch = "x86_64")).then(|| "x86-64".to_owned());
    let there = rust_of_musl().is_some_and(|folder| folder.exists());
    let rust = (!there).then(|| "Rust's library for musl".to_owned());
    lack_of_installer().or(other).or(rust).or_else(|| tools(&["musl-gcc", "pkg-config"]))
}

fn rust_of_musl() -> Option<PathBuf> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", "x86_64-unknown-linux-musl"]);
    output(&mut rustc).ok().map(|folder| PathBuf::from(folder.trim()))
}

/// Runs a command of the guide's for another prefix, packing the tree and unpacking it, as distributions do.
fn install(block: &str, prefix: &str) -> Result<PathBuf, String> {
    let (packed, prefix) = (in_root(&format!("{prefix}{PACKED}")), in_root(prefix));
    eprintln!("building and installing the library for {}", prefix.display());
    let installed = pack(block, &packed, &prefix).and_then(|()| {
        let tree = packed.join(prefix.strip_prefix("/").expect("it is an absolute path"));
        Ok(std::fs::rename(tree, &prefix)?)
    });
    installed.map_err(|failed| failed.message().unwrap_or("cargo cinstall failed").to_owned())?;
    Ok(prefix)
}

fn pack(block: &str, packed: &Path, prefix: &Path) -> Result<(), Failed> {
    for folder in [packed, prefix].into_iter().filter(|folder| folder.exists()) {
        std::fs::remove_dir_all(folder)?;
    }
    let command = GUIDE.block(block).trim().strip_prefix("cargo ").ok_or("cargo is to install it")?;
    let mut cinstall = Command::new(env!("CARGO"));
    cinstall.args(command.split(' ').map(|word| word.replace("/usr/local", &prefix.to_string_lossy())));
    cinstall.arg("--locked").arg("--destdir").arg(packed);
    // It has a cargo inside: in one folder with another version, each would build anew what the other built.
    cinstall.arg("--target-dir").arg(in_root("target/cinstall"));
    // The release is looked at; of the other it is enough that it links and runs.
    if block.ends_with("musl") {
        cinstall.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
    }
    run(cinstall.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").current_dir(ROOT))
}

/// Files and links below a folder, as the guide writes them.
fn listing(folder: &Path) -> BTreeSet<String> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            match std::fs::read_link(&path) {
                Ok(target) => drop(found.insert(format!("{name} -> {}", target.display()))),
                Err(_) if path.is_dir() => walk(&path, root, found),
                Err(_) => drop(found.insert(name)),
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(folder, folder, &mut found);
    found
}

fn is_as_shown(prefix: &Path) -> Result<(), Failed> {
    let shown = GUIDE.block("text tree").replace("0.1.0", env!("CARGO_PKG_VERSION"));
    let shown: BTreeSet<String> = shown.lines().map(String::from).collect();
    let mut found = listing(prefix);
    found.retain(|name| !name.starts_with("share/man/man3/fdwire_"));
    match found == shown {
        true => Ok(()),
        false => Err(format!("installed: {found:#?}\nshown: {shown:#?}").into()),
    }
}

fn has_the_committed_header(prefix: &Path) -> Result<(), Failed> {
    let installed = std::fs::read_to_string(prefix.join("include/fdwire.h"))?;
    if installed == HEADER { Ok(()) } else { Err("the installed header is another one".into()) }
}

fn has_the_libraries(prefix: &Path) -> Result<(), Failed> {
    let shared = prefix.join("lib/libfdwire.so");
    let declared = header::functions(HEADER);
    // Its SONAME is among what is looked at, and the loader finds it by that.
    elf::is_hardened(&shared)?;
    elf::exports_only(&shared, &declared)?;
    elf::has_no_strange_names(&prefix.join("lib/libfdwire.a"), &declared)?;
    let by_soname = std::fs::canonicalize(prefix.join("lib").join(SONAME))?;
    match by_soname == std::fs::canonicalize(&shared)? {
        true => Ok(()),
        false => Err(format!("{SONAME} leads to {}", by_soname.display()).into()),
    }
}

fn is_packed(prefix: &Path) -> Result<(), Failed> {
    let packed = format!("{}{PACKED}", prefix.display());
    for name in ["lib/pkgconfig/fdwire.pc", "lib/libfdwire.so", "include/fdwire.h"] {
        let bytes = std::fs::read(prefix.join(name))?;
        if bytes.windows(packed.len()).any(|bytes| bytes == packed.as_bytes()) {
            return Err(format!("{name} mentions {packed}").into());
        }
    }
    Ok(())
}

/// man(1) finds a page for each, and shows it.
fn has_manual_pages(prefix: &Path) -> Result<(), Failed> {
    let types = ["fdwire_msg", "fdwire_conn", "fdwire_error", "fdwire_probe_fn", "fdwire_reader"];
    let names: Vec<String> = header::functions(HEADER).into_iter().chain(types.map(String::from)).collect();
    let man = |options: &[&str], names: &[String]| {
        let mut man = Command::new("man");
        output(man.arg("-M").arg(prefix.join("share/man")).args(options).arg("3").args(names).env("MANWIDTH", "100"))
    };
    let found = man(&["--where"], &names)?;
    let shown = man(&[], &["fdwire_msg".into()])?;
    // A link is found as the page that it leads to.
    match found.lines().count() == names.len() && shown.contains("size_t tail_len") {
        true => Ok(()),
        false => Err(format!("{} names: {found}{shown}", names.len()).into()),
    }
}

/// pkg-config, of which only the installed tree is known.
fn pkg_config(prefix: &Path, arguments: &[&str]) -> Result<String, Failed> {
    let output = output(
        Command::new("pkg-config").args(arguments).env("PKG_CONFIG_LIBDIR", prefix.join("lib/pkgconfig")).arg("fdwire"),
    )?;
    Ok(output.trim().to_owned())
}

fn says_what_is_needed(prefix: &Path) -> Result<(), Failed> {
    let (include, lib) = (prefix.join("include"), prefix.join("lib"));
    let expected = [
        (vec!["--modversion"], env!("CARGO_PKG_VERSION").to_owned()),
        (vec!["--cflags"], format!("-I{}", include.display())),
        (vec!["--libs"], format!("-L{} -lfdwire", lib.display())),
        (vec!["--variable=libdir"], lib.display().to_string()),
    ];
    for (arguments, expected) in expected {
        let said = pkg_config(prefix, &arguments)?;
        if said != expected {
            return Err(format!("{arguments:?}: {said}, and not {expected}").into());
        }
    }
    let needed = pkg_config(prefix, &["--static", "--libs"])?;
    match trials::libraries::NATIVE.iter().find(|library| !needed.split(' ').any(|word| word == **library)) {
        None => Ok(()),
        Some(missing) => Err(format!("{missing} is missing from {needed}").into()),
    }
}

/// A folder with the program of the README in it.
fn project() -> Result<tempfile::TempDir, Failed> {
    let folder = tempfile::tempdir()?;
    let program = README.split("```c\n").nth(1).and_then(|rest| rest.split("```").next()).ok_or("no program in C")?;
    std::fs::write(folder.path().join("hello.c"), program)?;
    Ok(folder)
}

/// A tool that finds the installed tree, and fails on warnings.
fn tool(program: &str, prefix: &Path, folder: &Path) -> Command {
    let mut tool = Command::new(program);
    tool.current_dir(folder).env("PKG_CONFIG_LIBDIR", prefix.join("lib/pkgconfig")).env("CFLAGS", "-Wall -Werror");
    tool
}

/// The program does what the README says, and is linked as it should be.
fn works(program: &Path, library: &Path, is_static: bool) -> Result<(), Failed> {
    let printed = output(Command::new("timeout").arg("30").arg(program).env("LD_LIBRARY_PATH", library))?;
    let shown =
        README.split("```text\n").find(|block| block.starts_with("11 bytes")).ok_or("no output in the README")?;
    if printed != shown.split("```").next().unwrap_or_default() {
        return Err(printed.into());
    }
    let needed = output(Command::new("readelf").arg("-dW").arg(program))?;
    match needed.contains(SONAME) {
        needs if needs != is_static => Ok(()),
        _ => Err(format!("linked the wrong way:\n{needed}").into()),
    }
}

fn by_musl() -> Result<(), Failed> {
    let prefix = OF_MUSL.as_deref().map_err(|why| Failed::from(why.clone()))?;
    let folder = project()?;
    let mut sh = tool("sh", prefix, folder.path());
    run(sh.args(["-ec", GUIDE.block("sh run musl")]).env("PKG_CONFIG_LIBDIR", prefix.join("lib/musl/pkgconfig")))?;
    works(&folder.path().join("hello"), &prefix.join("lib/musl"), true)
}

fn by_hand(prefix: &Path, block: &str) -> Result<(), Failed> {
    let folder = project()?;
    run(tool("sh", prefix, folder.path()).args(["-ec", GUIDE.block(block)]))?;
    works(&folder.path().join("hello"), &prefix.join("lib"), block.ends_with("static"))
}

/// The loader is told nothing: the links in the tree lead where they should in another place, too.
fn may_be_moved(prefix: &Path) -> Result<(), Failed> {
    let folder = project()?;
    let moved = folder.path().join("moved");
    run(Command::new("cp").arg("-a").arg(prefix).arg(&moved))?;
    let flags = pkg_config(&moved, &["--define-prefix", "--cflags", "--libs"])?;
    if flags.contains(&*prefix.to_string_lossy()) {
        return Err(format!("it is still looked for where it was: {flags}").into());
    }
    let hello = folder.path().join("hello");
    run(Command::new("cc").arg(folder.path().join("hello.c")).args(flags.split(' ')).arg("-o").arg(&hello))?;
    works(&hello, &moved.join("lib"), false)
}

/// What `--static` says is enough where there is no shared library.
fn needs_no_shared_library(prefix: &Path) -> Result<(), Failed> {
    let folder = project()?;
    let lone = folder.path().join("lone");
    std::fs::create_dir_all(&lone)?;
    symlink(prefix.join("lib/libfdwire.a"), lone.join("libfdwire.a"))?;
    let flags = pkg_config(prefix, &["--static", "--cflags", "--libs"])?;
    let flags = flags.replace(&format!("-L{}", prefix.join("lib").display()), &format!("-L{}", lone.display()));
    let hello = folder.path().join("hello");
    run(Command::new("cc").arg(folder.path().join("hello.c")).args(flags.split(' ')).arg("-o").arg(&hello))?;
    works(&hello, &lone, true)
}

fn by_cmake(prefix: &Path, is_static: bool) -> Result<(), Failed> {
    let folder = project()?;
    std::fs::write(folder.path().join("CMakeLists.txt"), GUIDE.block("cmake"))?;
    let choice = format!("-DSTATIC={}", if is_static { "ON" } else { "OFF" });
    run(tool("cmake", prefix, folder.path()).args(["-S", ".", "-B", "build", &choice]))?;
    run(tool("cmake", prefix, folder.path()).args(["--build", "build"]))?;
    works(&folder.path().join("build/hello"), &prefix.join("lib"), is_static)
}

fn by_meson(prefix: &Path, is_static: bool) -> Result<(), Failed> {
    let folder = project()?;
    std::fs::write(folder.path().join("meson.build"), GUIDE.block("meson"))?;
    let choice = format!("-Dprefer_static={is_static}");
    run(tool("meson", prefix, folder.path()).args(["setup", "build", &choice]))?;
    run(tool("meson", prefix, folder.path()).args(["compile", "-C", "build"]))?;
    works(&folder.path().join("build/hello"), &prefix.join("lib"), is_static)
}
