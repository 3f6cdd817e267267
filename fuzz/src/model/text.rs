//! The text of a format as words, for a reader who knows that it is a good one.

/// A kind, what stands behind it, its settings and its cases.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) kind: Vec<u8>,
    pub(super) operand: Vec<u8>,
    pub(super) settings: Vec<(Vec<u8>, Vec<u8>)>,
    /// Labels, and the format that they lead to.
    pub(super) cases: Vec<(Vec<u8>, Tree)>,
}

impl Tree {
    pub(super) fn new(text: &[u8]) -> Tree {
        let mut tokens = tokens(text);
        tokens.reverse();
        read(&mut tokens)
    }

    pub(super) fn get(&self, key: &str) -> Option<&[u8]> {
        self.settings.iter().find(|(known, _)| known == key.as_bytes()).map(|(_, value)| &value[..])
    }

    pub(super) fn says(&self, key: &str, value: &str) -> bool {
        self.get(key) == Some(value.as_bytes())
    }

    pub(super) fn size(&self, key: &str) -> Option<u64> {
        self.get(key).map(|value| number(value) as u64)
    }

    pub(super) fn literal(&self, key: &str) -> Vec<u8> {
        self.get(key).map(literal).unwrap_or_default()
    }

    pub(super) fn list(&self, key: &str) -> Vec<Vec<u8>> {
        self.get(key).map(|value| split(value, b',')).unwrap_or_default()
    }
}

/// A preset stands for its text, in which settings are written over.
fn with_preset(tree: Tree) -> Tree {
    let preset = fdwire::format::PRESETS.iter().find(|preset| preset.name().to_bytes() == tree.kind);
    let Some(preset) = preset else { return tree };
    let counts = |key: &[u8]| key == b"counts" || key == b"adjust";
    let mut whole = Tree::new(preset.text().to_bytes());
    whole.settings.retain(|(own, _)| !tree.settings.iter().any(|(key, _)| key == own || counts(key) && counts(own)));
    whole.settings.extend(tree.settings);
    whole
}

/// One format, from the end of the tokens.
fn read(tokens: &mut Vec<Vec<u8>>) -> Tree {
    let mut tree = Tree { kind: tokens.pop().unwrap_or_default(), ..Tree::default() };
    while let Some(token) = tokens.pop() {
        match &token[..] {
            b"{" => tree.cases = cases(tokens),
            b"}" | b";" => {
                tokens.push(token);
                break;
            }
            _ => match place(&token, b'=') {
                Some(at) => tree.settings.push((token[..at].to_vec(), token[at + 1..].to_vec())),
                None => tree.operand = token,
            },
        }
    }
    with_preset(tree)
}

fn cases(tokens: &mut Vec<Vec<u8>>) -> Vec<(Vec<u8>, Tree)> {
    let mut cases = Vec::new();
    while let Some(token) = tokens.pop() {
        match &token[..] {
            b"}" => break,
            b";" => {}
            _ => {
                // The label may be several words; the last ends with the colon, or has it and the kind behind it.
                let (mut label, mut token) = (Vec::new(), token);
                loop {
                    if let Some(at) = place(&token, b':') {
                        label.extend_from_slice(&token[..at]);
                        if at + 1 < token.len() {
                            tokens.push(token[at + 1..].to_vec());
                        }
                        break;
                    }
                    label.extend_from_slice(&token);
                    token = tokens.pop().expect("a case has a colon");
                }
                cases.push((label, read(tokens)));
            }
        }
    }
    cases
}

/// Words, and the braces and semicolons between them.
fn tokens(text: &[u8]) -> Vec<Vec<u8>> {
    let mut marks: Vec<usize> = outside_quotes(text)
        .filter(|(_, byte)| byte.is_ascii_whitespace() || b"{};".contains(byte))
        .flat_map(|(at, _)| [at, at + 1])
        .collect();
    marks.insert(0, 0);
    marks.push(text.len());
    let pieces = marks.windows(2).map(|ends| text[ends[0]..ends[1]].trim_ascii().to_vec());
    pieces.filter(|piece| !piece.is_empty()).collect()
}

/// The parts between separators that stand in no quotes, without the blanks around them.
pub(super) fn split(text: &[u8], separator: u8) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, byte) in outside_quotes(text) {
        if byte == separator {
            parts.push(text[start..at].trim_ascii().to_vec());
            start = at + 1;
        }
    }
    parts.push(text[start..].trim_ascii().to_vec());
    parts
}

fn place(text: &[u8], byte: u8) -> Option<usize> {
    outside_quotes(text).find(|(_, there)| *there == byte).map(|(at, _)| at)
}

fn outside_quotes(text: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let (mut quoted, mut escaped) = (false, false);
    text.iter().copied().enumerate().filter(move |(_, byte)| {
        let is_quote = *byte == b'\'' && !escaped;
        escaped = quoted && *byte == b'\\' && !escaped;
        quoted ^= is_quote;
        !quoted && !is_quote
    })
}

/// Decimal or 0x hex, with a sign and a K, M or G.
pub(super) fn number(text: &[u8]) -> i128 {
    let text = std::str::from_utf8(text).expect("a number is ASCII");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, unit) = match digits.chars().last() {
        Some('K') => (&digits[..digits.len() - 1], 1 << 10),
        Some('M') => (&digits[..digits.len() - 1], 1 << 20),
        Some('G') => (&digits[..digits.len() - 1], 1 << 30),
        _ => (digits, 1),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => i128::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    sign * unit * value.expect("a number has digits")
}

/// `3`, or `3..7`.
pub(super) fn range(text: &[u8]) -> (i128, i128) {
    match text.windows(2).position(|two| two == b"..") {
        Some(at) => (number(&text[..at]), number(&text[at + 2..])),
        None => (number(text), number(text)),
    }
}

/// The bytes of `'text'`.
pub(super) fn literal(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut inner = text[1..text.len() - 1].iter();
    while let Some(byte) = inner.next() {
        bytes.push(match byte {
            b'\\' => match inner.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'0') => 0,
                Some(b'x') => {
                    let digits = [inner.next(), inner.next()].map(|digit| *digit.expect("two digits"));
                    u8::from_str_radix(std::str::from_utf8(&digits).expect("ASCII"), 16).expect("hex digits")
                }
                Some(same) => *same,
                None => panic!("a backslash stands before something"),
            },
            byte => *byte,
        });
    }
    bytes
}
