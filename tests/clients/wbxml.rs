//! As much of WBXML (WAP-192) as `ActiveSync` uses (MS-ASWBXML): inline strings, opaque data and
//! code pages; no attributes.

/// One element: its code page, its tag without flag bits, its text, its children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    pub page: u8,
    pub tag: u8,
    pub text: String,
    pub children: Vec<Self>,
}

impl Element {
    /// An element with children.
    pub fn of(page: u8, tag: u8, children: Vec<Self>) -> Self {
        Self {
            page,
            tag,
            text: String::new(),
            children,
        }
    }

    /// An element with text.
    pub fn text(page: u8, tag: u8, text: &str) -> Self {
        Self {
            page,
            tag,
            text: text.to_owned(),
            children: Vec::new(),
        }
    }

    /// The first child of that name.
    pub fn child(&self, page: u8, tag: u8) -> Option<&Self> {
        self.all(page, tag).next()
    }

    /// Every child of that name.
    pub fn all(&self, page: u8, tag: u8) -> impl Iterator<Item = &Self> {
        self.children
            .iter()
            .filter(move |e| e.page == page && e.tag == tag)
    }

    /// The text of the first child of that name.
    pub fn text_of(&self, page: u8, tag: u8) -> Option<&str> {
        self.child(page, tag).map(|e| e.text.as_str())
    }
}

const SWITCH_PAGE: u8 = 0x00;
const END: u8 = 0x01;
const STR_I: u8 = 0x03;
const OPAQUE: u8 = 0xC3;
const HAS_CONTENT: u8 = 0x40;

/// The document as bytes: version 1.3, public id 1, UTF-8, no string table.
pub fn encode(root: &Element) -> Vec<u8> {
    let mut bytes = vec![0x03, 0x01, 0x6A, 0x00];
    let mut page = 0;
    write(root, &mut page, &mut bytes);
    bytes
}

fn write(element: &Element, page: &mut u8, bytes: &mut Vec<u8>) {
    if element.page != *page {
        bytes.extend([SWITCH_PAGE, element.page]);
        *page = element.page;
    }
    if element.children.is_empty() && element.text.is_empty() {
        bytes.push(element.tag);
        return;
    }
    bytes.push(element.tag | HAS_CONTENT);
    if !element.text.is_empty() {
        bytes.push(STR_I);
        bytes.extend(element.text.as_bytes());
        bytes.push(0);
    }
    for child in &element.children {
        write(child, page, bytes);
    }
    bytes.push(END);
}

/// Reads a document; `None` when it is not one.
pub fn decode(bytes: &[u8]) -> Option<Element> {
    let mut reader = Reader {
        rest: bytes,
        page: 0,
    };
    reader.byte()?;
    reader.number()?;
    reader.number()?;
    let table = reader.number()?;
    reader.take(table)?;
    match reader.node()? {
        Node::Element(root) => Some(root),
        _ => None,
    }
}

enum Node {
    Element(Element),
    Text(String),
    End,
}

struct Reader<'a> {
    rest: &'a [u8],
    page: u8,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken.to_vec())
    }

    /// A multi-byte integer: seven bits a byte, the highest set on all but the last.
    fn number(&mut self) -> Option<usize> {
        let mut number = 0usize;
        loop {
            let byte = self.byte()?;
            number = number.checked_mul(128)? | usize::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
    }

    fn node(&mut self) -> Option<Node> {
        loop {
            match self.byte()? {
                SWITCH_PAGE => self.page = self.byte()?,
                END => return Some(Node::End),
                STR_I => {
                    let end = self.rest.iter().position(|b| *b == 0)?;
                    let text = self.take(end)?;
                    self.byte()?;
                    return Some(Node::Text(String::from_utf8_lossy(&text).into_owned()));
                }
                OPAQUE => {
                    let count = self.number()?;
                    let data = self.take(count)?;
                    return Some(Node::Text(String::from_utf8_lossy(&data).into_owned()));
                }
                tag => return self.element(tag).map(Node::Element),
            }
        }
    }

    fn element(&mut self, tag: u8) -> Option<Element> {
        let mut element = Element::of(self.page, tag & 0x3F, Vec::new());
        if tag & HAS_CONTENT == 0 {
            return Some(element);
        }
        loop {
            match self.node()? {
                Node::End => return Some(element),
                Node::Text(text) => element.text.push_str(&text),
                Node::Element(child) => element.children.push(child),
            }
        }
    }
}
