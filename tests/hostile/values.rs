//! What each parameter is given: first a value that is right, then those that are not.

use crate::header::{Function, Parameter};

/// A value, as an expression of C; `@` in it stands for the number of the parameter.
pub(crate) struct Value {
    pub(crate) c: String,
    pub(crate) expect: Expect,
}

/// What is known of a call with this value, if all else is right.
#[derive(Clone, Copy)]
pub(crate) enum Expect {
    /// Only what holds for every call.
    Any,
    /// It is refused like this.
    Code(&'static str),
    /// It succeeds, as the call in which all is right does.
    Same,
}

/// What becomes of the memory that a parameter points to.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Memory {
    None,
    /// It is left as it is.
    Input,
    /// It has room for as many elements as another parameter says, of so many bytes.
    Room(usize, usize),
    /// It is one value of so many bytes, written on success only.
    Output(usize),
    /// The same, but written on failure too.
    Always(usize),
}

pub(crate) struct Values {
    pub(crate) values: Vec<Value>,
    pub(crate) memory: Memory,
}

const EINVAL: Expect = Expect::Code("-EINVAL");
const EBADF: Expect = Expect::Code("-EBADF");

fn any(c: &str) -> Value {
    Value { c: c.into(), expect: Expect::Any }
}

fn given(c: &str, expect: Expect) -> Value {
    Value { c: c.into(), expect }
}

fn list(first: &str, others: &[&str]) -> Vec<Value> {
    [first].iter().chain(others.iter().filter(|other| **other != first)).map(|c| any(c)).collect()
}

/// The values for a parameter. One of a type that is not known is an error: a table without it would look whole.
pub(crate) fn values(function: &Function, at: usize) -> Result<Values, String> {
    let Parameter { kind, name } = &function.parameters[at];
    let one = |values| Ok(Values { values, memory: Memory::None });
    let pointer = |memory, valid: &str, more: Vec<Value>| {
        let mut values = vec![any(valid), given("NULL", EINVAL)];
        values.extend(more);
        Ok(Values { values, memory })
    };
    match (kind.as_str(), name.as_str()) {
        ("int", "fd" | "listener" | "in_fd" | "out_fd" | "file_fd") => one(descriptors(function, name)),
        ("int", "timeout_ms") => {
            let mut values = list("1000", &["0", "1", "-1", "INT_MAX"]);
            values.extend([given("-2", EINVAL), given("INT_MIN", EINVAL)]);
            one(values)
        }
        ("int", "code") => one(list("FDWIRE_E_TOO_LONG", &["INT_MIN", "-4096", "-1", "0", "1", "INT_MAX"])),
        ("int", "backlog") => {
            let mut values = list("1", &["0", "INT_MAX"]);
            values.extend([given("-1", EINVAL), given("INT_MIN", EINVAL)]);
            one(values)
        }
        ("int", "how" | "directions" | "order") => {
            let (valid, right) = match name.as_str() {
                "how" => ("FDWIRE_SHUT_WR", &["0", "2"][..]),
                "order" => ("FDWIRE_LITTLE", &["1"][..]),
                _ => ("FDWIRE_BOTH", &["1", "2"][..]),
            };
            let mut values = list(valid, right);
            values.extend(["-1", "7", "INT_MIN", "INT_MAX"].map(|c| given(c, EINVAL)));
            one(values)
        }
        ("int", "option") => {
            let mut values = list("2", &["1", "3", "4", "5", "6", "7", "8", "9"]);
            values.extend(["0", "-1", "INT_MIN", "INT_MAX"].map(|c| given(c, EINVAL)));
            one(values)
        }
        ("int64_t", "value") => one(list("4096", &["0", "1", "2", "3", "7", "-1", "INT64_MIN", "INT64_MAX"])),
        ("size_t", _) => one(sizes(function, at)?),
        ("uint64_t", "body_len" | "len" | "max" | "offset" | "value") => {
            one(list("64", &["0", "1", "UINT64_MAX", "(uint64_t)INT64_MAX + 1", "UINT64_MAX - 3"]))
        }
        ("uint8_t" | "uint16_t" | "uint32_t", "value") => one(list("1", &["0", "0x80", "(uint8_t)-1", "0xffff"])),
        ("float" | "double", "value") => one(list("1", &["0", "-1", "INFINITY", "NAN"])),
        ("fdwire_conn *", "conn") => {
            let valid = match function.name.as_str() {
                "fdwire_conn_recv_part" | "fdwire_conn_skip" => "receiving_in_parts(s)",
                "fdwire_conn_send_part" => "sending_in_parts(s)",
                _ => "conn(s)",
            };
            let null = if frees(function) { Expect::Same } else { EINVAL };
            let mut values = list(valid, &CONNECTIONS);
            values.insert(1, given("NULL", null));
            one(values)
        }
        ("fdwire_decoder *" | "const fdwire_decoder *", "decoder") => {
            let valid = if function.name == "fdwire_decoder_skip" { "too_long_decoder(s)" } else { "decoder(s)" };
            let null = if frees(function) { Expect::Same } else { EINVAL };
            let mut values = list(valid, &DECODERS);
            values.insert(1, given("NULL", null));
            one(values)
        }
        ("fdwire_format *", "format") => one(list("format(s, \"u8\")", &["NULL", "garbage_format(s)"])),
        ("const fdwire_format *", "format") => one(list("NULL", &FORMATS)),
        ("fdwire_reader *" | "const fdwire_reader *", "r") => {
            let more = ["past_its_end", "without_bytes", "of_no_order", "too_large", "stopped"];
            let mut more: Vec<Value> = more.iter().map(|how| any(&format!("reader(s, @, {how})"))).collect();
            more.push(given("odd(s, @, sizeof(fdwire_reader))", EINVAL));
            pointer(Memory::Always(40), "reader(s, @, sound)", more)
        }
        ("fdwire_writer *", "w") => {
            let more = ["past_its_end", "without_bytes", "of_no_order", "too_large", "stopped"];
            let mut more: Vec<Value> = more.iter().map(|how| any(&format!("writer(s, @, {how})"))).collect();
            more.push(given("odd(s, @, sizeof(fdwire_writer))", EINVAL));
            pointer(Memory::Always(40), "writer(s, @, sound)", more)
        }
        ("const char *", "text") => {
            let more = ["\"\"", "\"\\xff\\xfe\"", "long_text(s, \"\")", "long_text(s, \"u32be at=\")", "\"%n%s%n\""];
            pointer(Memory::None, "\"u32be\"", more.map(any).into())
        }
        ("const char *", "address") => {
            let more = [
                "\"\"",
                "\"\\xff\\xfe\"",
                "long_text(s, \"\")",
                "long_text(s, \"unix:\")",
                "\"unix:\"",
                "\"127.0.0.1:99999\"",
                "\"[::1\"",
                "\":\"",
                "\"unix:@\"",
            ];
            let valid = if function.name == "fdwire_listen" { "\"127.0.0.1:0\"" } else { "an_address(s)" };
            pointer(Memory::None, valid, more.map(any).into())
        }
        ("char *", "buf" | "why") => {
            // NULL is room for nothing, which an address is never content with.
            let null = if name == "buf" && function.returns == "int" { EINVAL } else { Expect::Same };
            let values = vec![any("room(s, @)"), given("NULL", null), given("odd(s, @, 64)", Expect::Same)];
            Ok(Values { values, memory: Memory::Room(at + 1, 1) })
        }
        ("void *", "ctx") => one(list("s", &["NULL", "room(s, @)"])),
        ("const void *", "head") if function.name == "fdwire_format_tail" => {
            let odd = given("announcing(odd(s, @, 64), 64)", Expect::Same);
            pointer(Memory::Input, "announcing(room(s, @), 64)", vec![odd])
        }
        ("void *" | "const void *", "p" | "src" | "dst" | "body" | "buf" | "bytes" | "bodies" | "head" | "out") => {
            let len = length_of(function, at);
            let memory = match (kind.as_str(), len) {
                ("const void *", _) => Memory::Input,
                (_, Some(len)) if name == "dst" => Memory::Room(len, 8),
                (_, Some(len)) => Memory::Room(len, 1),
                (_, None) => Memory::Output(8),
            };
            pointer(memory, "room(s, @)", vec![given("odd(s, @, 64)", Expect::Same)])
        }
        ("const int *", "fds") => {
            let more = ["descriptors(s, @, -1)", "descriptors(s, @, INT_MAX)", "descriptors(s, @, closed(s))"];
            let mut more: Vec<Value> = more.iter().map(|c| given(c, EBADF)).collect();
            more.push(any("descriptors(s, @, an_epoll(s))"));
            more.push(given("odd(s, @, 2 * sizeof(int))", EINVAL));
            pointer(Memory::Input, "descriptors(s, @, good(s))", more)
        }
        ("const size_t *", "lens") => {
            let more = ["lengths(s, @, SIZE_MAX, 2)", "lengths(s, @, PTRDIFF_MAX, 1)"].map(|c| given(c, EINVAL));
            let more = more.into_iter().chain([given("odd(s, @, 2 * sizeof(size_t))", EINVAL)]).collect();
            pointer(Memory::Input, "lengths(s, @, 30, 34)", more)
        }
        ("const fdwire_msg *", "msg" | "msgs") => {
            let more = ["NULL, SIZE_MAX", "NULL, 5", "room(s, @), SIZE_MAX", "room(s, @), (size_t)PTRDIFF_MAX + 1"];
            let mut values: Vec<Value> =
                more.iter().map(|c| given(&format!("messages_of_body(s, @, {c})"), EINVAL)).collect();
            values.extend(more.iter().map(|c| given(&format!("messages_of_head(s, @, {c})"), EINVAL)));
            values.push(any("messages_of_head(s, @, room(s, @), 0)"));
            values.push(any("messages_of_head(s, @, room(s, @), 3)"));
            values.push(given("odd(s, @, 2 * sizeof(fdwire_msg))", EINVAL));
            pointer(Memory::Input, "messages(s, @)", values)
        }
        ("size_t *", "lens") => list_of(Memory::Room(at + 1, 8), "size_t"),
        ("int *", "fds") => list_of(Memory::Room(at + 1, 4), "int"),
        ("fdwire_msg *", "msgs") => list_of(Memory::Room(at + 1, 40), "fdwire_msg"),
        ("size_t *", "done") => {
            let values = vec![
                any("number(s, @, 0)"),
                given("NULL", Expect::Same),
                any("number(s, @, 64)"),
                given("number(s, @, 65)", EINVAL),
                given("number(s, @, SIZE_MAX)", EINVAL),
                given("odd(s, @, sizeof(size_t))", EINVAL),
            ];
            Ok(Values { values, memory: Memory::Always(8) })
        }
        ("uint64_t *", "unsent") => {
            let values =
                vec![any("out(s, @, 8)"), given("NULL", Expect::Same), given("odd(s, @, sizeof(uint64_t))", EINVAL)];
            Ok(Values { values, memory: Memory::Always(8) })
        }
        ("fdwire_stats *", "stats") => pointer(
            Memory::Room(at + 1, 1),
            "out(s, @, sizeof(fdwire_stats))",
            vec![given("odd(s, @, sizeof(fdwire_stats))", Expect::Same)],
        ),
        ("fdwire_msg *", "msg" | "head") => output(40),
        ("size_t *", "cap" | "count" | "got" | "len") | ("uint64_t *", "body_len") => output(8),
        ("void **" | "const void **", "ptr") => output(8),
        ("fdwire_conn **" | "fdwire_decoder **" | "fdwire_format **", "out") => output(8),
        ("fdwire_probe_fn", "probe") => {
            let more = [
                "probe_lowest",
                "probe_highest",
                "probe_beyond",
                "probe_nothing_ever",
                "probe_head_beyond",
                "probe_at_least_all",
                "probe_at_least_none",
                "probe_at_random",
                "probe_closes",
            ];
            pointer(Memory::None, "probe_lines", more.map(any).into())
        }
        ("fdwire_read_fn", "read") => one(list(
            "read_well",
            &["NULL", "move_lowest", "move_highest", "read_beyond", "move_unknown", "move_none", "read_calls_back"],
        )),
        ("fdwire_writev_fn", "writev") => one(list(
            "write_well",
            &["NULL", "write_lowest", "write_highest", "write_beyond", "write_none", "write_calls_back"],
        )),
        ("fdwire_wait_fn", "wait") => {
            one(list("wait_well", &["NULL", "wait_lowest", "wait_highest", "wait_calls_back"]))
        }
        _ => Err(format!("{}: nothing is known of values for {kind} {name}", function.name)),
    }
}

/// One value that is written.
fn output(size: usize) -> Result<Values, String> {
    let values =
        vec![any(&format!("out(s, @, {size})")), given("NULL", EINVAL), given(&format!("odd(s, @, {size})"), EINVAL)];
    Ok(Values { values, memory: Memory::Output(size) })
}

/// Two that are.
fn list_of(memory: Memory, kind: &str) -> Result<Values, String> {
    let values = [("out", Expect::Any), ("NULL", EINVAL), ("odd", EINVAL)].map(|(place, expect)| match place {
        "NULL" => given(place, expect),
        _ => given(&format!("{place}(s, @, 2 * sizeof({kind}))"), expect),
    });
    Ok(Values { values: values.into(), memory })
}

pub(crate) fn frees(function: &Function) -> bool {
    function.name.ends_with("_free")
}

const CONNECTIONS: [&str; 14] = [
    "conn(s)",
    "receiving_in_parts(s)",
    "sending_in_parts(s)",
    "receive_only(s)",
    "send_only(s)",
    "finished(s)",
    "shut(s)",
    "cancelled(s)",
    "out_of_step(s)",
    "too_long(s)",
    "without_peer(s)",
    "over_garbage(s)",
    "over_callers(s)",
    "of_garbage_format(s)",
];

const DECODERS: [&str; 6] = [
    "empty_decoder(s)",
    "finished_decoder(s)",
    "broken_decoder(s)",
    "too_long_decoder(s)",
    "skipping_decoder(s)",
    "garbage_decoder(s)",
];

const FORMATS: [&str; 6] = [
    "format(s, \"line\")",
    "format(s, \"eof\")",
    "format(s, \"u64be max=0xffffffffffffffff\")",
    "format(s, \"fixed size=1\")",
    "format(s, \"select u8 at=0 { 0: u16be at=2; else: fixed size=8 }\")",
    "garbage_format(s)",
];

/// Where the length of a range is said.
fn length_of(function: &Function, at: usize) -> Option<usize> {
    let later = function.parameters.iter().enumerate().skip(at + 1);
    later.filter(|(_, parameter)| parameter.kind == "size_t").map(|(i, _)| i).next()
}

fn sizes(function: &Function, at: usize) -> Result<Vec<Value>, String> {
    let name = function.parameters[at].name.as_str();
    let of = |i: usize| function.parameters[i].kind.as_str();
    let copies = function.name.starts_with("fdwire_copy");
    let counts =
        !copies && matches!(name, "count" | "most") || name == "cap" && matches!(of(at - 1), "fdwire_msg *" | "int *");
    let valid = match name {
        _ if counts => "2",
        "cap" | "why_cap" | "len" => "64",
        "count" => "8",
        "head_len" => "4",
        "size" => "sizeof(fdwire_stats)",
        "i" => "0",
        _ => return Err(format!("{}: nothing is known of values for size_t {name}", function.name)),
    };
    let mut values = list(valid, &["0", "1"]);
    // More than any range has, where it is the length of one; text is cut to no room then.
    let a_range = at > 0
        && of(at - 1).ends_with('*')
        && !of(at - 1).starts_with("char")
        && name != "size"
        && function.returns == "int";
    let expect = if a_range || function.name == "fdwire_local_address" { EINVAL } else { Expect::Any };
    values.extend(["SIZE_MAX", "SIZE_MAX - 1", "(size_t)PTRDIFF_MAX + 1"].map(|c| given(c, expect)));
    if counts {
        values.push(given("PTRDIFF_MAX / 4 + 1", expect));
    }
    Ok(values)
}

/// Descriptors of every sort; those that are none are refused as such.
fn descriptors(function: &Function, name: &str) -> Vec<Value> {
    let valid = match (function.name.as_str(), name) {
        ("fdwire_accept" | "fdwire_local_address", _) => "a_listener(s)",
        (_, "file_fd") => "a_file(s, O_RDONLY)",
        _ => "good(s)",
    };
    let both_ways = function.name == "fdwire_conn_new";
    let mut values = list(
        valid,
        &[
            "good(s)",
            "a_directory(s)",
            "a_file(s, O_RDONLY)",
            "a_file(s, O_WRONLY)",
            "the_null_device(s)",
            "an_eventfd(s)",
            "an_epoll(s)",
            "a_listener(s)",
            "unconnected(s)",
            "pipe_to_read(s)",
            "pipe_to_write(s)",
            "path_only(s)",
        ],
    );
    // Such a one is never ready, and it is right to wait for it.
    values.retain(|value| {
        value.c != "an_epoll(s)" || !matches!(function.name.as_str(), "fdwire_send" | "fdwire_write_all")
    });
    values.push(given("-1", if both_ways { Expect::Same } else { EBADF }));
    values.extend(["-2", "INT_MIN", "INT_MAX", "closed(s)"].map(|c| given(c, EBADF)));
    let boundaries = match function.comment.contains("-EPROTOTYPE") || function.name == "fdwire_conn_new" {
        true => Expect::Code("-EPROTOTYPE"),
        false => Expect::Any,
    };
    values
        .extend(["with_boundaries(s, SOCK_DGRAM)", "with_boundaries(s, SOCK_SEQPACKET)"].map(|c| given(c, boundaries)));
    values
}
