//! The values that IMAP responses are made of (RFC 9051 §4): atoms, strings, lists, NIL.
use super::wire::Piece;

/// Deeper lists than this are not read.
const MAX_DEPTH: usize = 32;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// NIL.
    Nil,
    /// An atom, with what stands in brackets after it: `BODY[HEADER.FIELDS (DATE)]<0>`.
    Atom(Vec<u8>),
    /// A quoted string or a literal.
    String(Vec<u8>),
    /// A literal that went to the sink, which left this in its place.
    Streamed(Vec<u8>),
    /// A list.
    List(Vec<Self>),
}

impl Value {
    /// The bytes of an atom or string: an `astring`.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Atom(bytes) | Self::String(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text of an atom or string.
    pub fn text(&self) -> Option<String> {
        self.bytes()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// A number, which is an atom of digits.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Atom(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// The members of a list; none of anything else.
    pub fn list(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }
}

/// Reads values off the parts of one response. `None` anywhere means: this is not IMAP.
pub struct Cursor<'a> {
    text: &'a [u8],
    rest: &'a [Piece],
}

impl<'a> Cursor<'a> {
    /// At the start of a response.
    pub fn new(pieces: &'a [Piece]) -> Self {
        match pieces {
            [Piece::Text(text), rest @ ..] => Self { text, rest },
            rest => Self { text: &[], rest },
        }
    }

    /// The next word, up to a space.
    pub fn word(&mut self) -> Option<&'a [u8]> {
        self.skip_spaces();
        let end = self
            .text
            .iter()
            .position(|byte| *byte == b' ')
            .unwrap_or(self.text.len());
        let (word, rest) = self.text.split_at(end);
        self.text = rest;
        (!word.is_empty()).then_some(word)
    }

    /// What is left of the line, after spaces.
    pub fn line(&mut self) -> &'a [u8] {
        self.skip_spaces();
        self.text
    }

    /// Every value to the end.
    pub fn values(&mut self) -> Option<Vec<Value>> {
        let mut values = Vec::new();
        while !self.at_end() {
            values.push(self.value(0)?);
        }
        Some(values)
    }

    fn skip_spaces(&mut self) {
        self.text = self.text.trim_ascii_start();
    }

    fn at_end(&mut self) -> bool {
        self.skip_spaces();
        self.text.is_empty() && self.rest.is_empty()
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip_spaces();
        match self.text.first() {
            None => self.literal(),
            Some(b'(') => self.list(depth + 1),
            Some(b'"') => self.quoted(),
            Some(b')') => None,
            Some(_) => Some(self.atom()),
        }
    }

    fn literal(&mut self) -> Option<Value> {
        let (piece, rest) = self.rest.split_first()?;
        let value = match piece {
            Piece::Literal(bytes) => Value::String(bytes.clone()),
            Piece::Streamed(token) => Value::Streamed(token.clone()),
            Piece::Text(_) => return None,
        };
        match rest.split_first() {
            Some((Piece::Text(text), rest)) => (self.text, self.rest) = (text, rest),
            _ => self.rest = rest,
        }
        Some(value)
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.text = &self.text[1..];
        let mut list = Vec::new();
        loop {
            self.skip_spaces();
            if let Some(rest) = self.text.strip_prefix(b")") {
                self.text = rest;
                return Some(Value::List(list));
            }
            list.push(self.value(depth)?);
        }
    }

    fn quoted(&mut self) -> Option<Value> {
        let mut string = Vec::new();
        let mut bytes = self.text[1..].iter().enumerate();
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.text = &self.text[at + 2..];
                    return Some(Value::String(string));
                }
                b'\\' => string.push(*bytes.next()?.1),
                byte => string.push(*byte),
            }
        }
        None
    }

    fn atom(&mut self) -> Value {
        let mut in_brackets = false;
        let ends = |byte: &u8| {
            match byte {
                b'[' => in_brackets = true,
                b']' => in_brackets = false,
                b' ' | b'(' | b')' | b'"' if !in_brackets => return true,
                _ => {}
            }
            false
        };
        let end = self.text.iter().position(ends).unwrap_or(self.text.len());
        let (atom, rest) = self.text.split_at(end);
        self.text = rest;
        if atom.eq_ignore_ascii_case(b"NIL") {
            Value::Nil
        } else {
            Value::Atom(atom.to_vec())
        }
    }
}
