//! Addresses as people hand them over: pasted from anywhere, or as CSV (RFC 4180) out of a
//! spreadsheet. Nothing is judged here but where an address stands; what is none is handed on as it
//! was typed, with its row, so that somebody can be told.
use super::Invalid;

/// The most rows of one list.
pub const MOST: usize = 100_000;

/// The longest address there is (RFC 5321, 4.5.3.1): a longer cell is cut, and is none anyway.
const LONGEST: usize = 320;

/// Heads of a column of addresses.
const HEADS: [&str; 6] = [
    "address",
    "email",
    "e-mail",
    "mail",
    "mailbox",
    "email address",
];

/// A list that was handed over.
#[derive(Debug, Clone, Copy)]
pub struct AddressList<'a> {
    text: &'a str,
    delimiter: u8,
    /// The column under a head that names one.
    column: Option<usize>,
}

impl<'a> AddressList<'a> {
    /// Finds out how the list is written. Faults stand at `addresses`.
    pub fn read(text: &'a str) -> Result<Self, Invalid> {
        let text = text.trim_start_matches('\u{feff}');
        let first = text.lines().find(|line| !line.trim().is_empty());
        let first = first.unwrap_or_default();
        let delimiter = *[b'\t', b';', b',']
            .iter()
            .max_by_key(|mark| first.bytes().filter(|byte| byte == *mark).count())
            .unwrap_or(&b',');
        let mut list = Self {
            text,
            delimiter,
            column: None,
        };
        list.column = list.records().next().and_then(|(_, cells)| {
            let head = |cell: &String| HEADS.contains(&cell.trim().to_lowercase().as_str());
            cells.iter().position(head)
        });
        match list.rows().take(MOST + 1).count() {
            0 => Err(Invalid::field(
                "addresses",
                "Enter at least one address, one on each line, or choose a CSV file that has some.",
            )),
            n if n > MOST => Err(Invalid::field(
                "addresses",
                format!("One list takes up to {MOST} rows. Split it into several."),
            )),
            _ => Ok(list),
        }
    }

    /// How many rows it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows().count()
    }

    /// Whether it has none: [`AddressList::read`] refuses that.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows().next().is_none()
    }

    /// Each address with the line that it stands on, from 1.
    pub fn rows(self) -> impl Iterator<Item = (i32, String)> + Send + use<'a> {
        let skip = usize::from(self.column.is_some());
        self.records().skip(skip).flat_map(move |(line, cells)| {
            let found = match self.column {
                Some(column) => vec![cells.get(column).cloned().unwrap_or_default()],
                None => addresses(cells),
            };
            let found = found.into_iter().map(|cell| cleaned(&cell));
            let found = found.filter(|cell| !cell.is_empty());
            found.map(|cell| (line, cell)).collect::<Vec<_>>()
        })
    }

    fn records(self) -> impl Iterator<Item = (i32, Vec<String>)> + Send + use<'a> {
        csv::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(self.text.as_bytes())
            .into_records()
            .filter_map(Result::ok)
            .scan((0, 1), move |(at, line), record| {
                // A record begins behind the line ends before it, which the reader counts to it.
                let byte = record.position().map_or(0, csv::Position::byte);
                let from = usize::try_from(byte).unwrap_or_default();
                let bytes = self.text.as_bytes();
                let ends = bytes.get(from..).unwrap_or_default().iter();
                let begin = from
                    + ends
                        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                        .count();
                let passed = bytes.get(*at..begin).unwrap_or_default();
                *line += passed.split(|byte| *byte == b'\n').count() - 1;
                *at = begin;
                let cells = record.iter().map(str::to_owned).collect();
                Some((i32::try_from(*line).unwrap_or(i32::MAX), cells))
            })
    }
}

/// Of a row without a head, every cell that looks like an address; the first cell when none does,
/// so that the row is not passed over in silence.
fn addresses(cells: Vec<String>) -> Vec<String> {
    let marks = |c: char| c.is_whitespace() || matches!(c, ';' | ',');
    let split = |cell: &String| -> Vec<String> {
        if cell.matches('@').count() < 2 && !cell.contains('<') {
            return vec![cell.clone()];
        }
        let parts = cell.split(marks).filter(|part| part.contains('@'));
        parts.map(str::to_owned).collect()
    };
    let found: Vec<String> = cells
        .iter()
        .filter(|cell| cell.contains('@'))
        .flat_map(split)
        .collect();
    if found.is_empty() {
        let first = cells.into_iter().find(|cell| !cell.trim().is_empty());
        return first.into_iter().collect();
    }
    found
}

/// "Ann <ann@acme.test>" and "mailto:ann@acme.test" name ann@acme.test.
fn cleaned(cell: &str) -> String {
    let inside = cell
        .split_once('<')
        .map_or(cell, |(_, rest)| rest.split('>').next().unwrap_or_default());
    let plain = inside.trim().trim_matches(['"', '\'', '<', '>']).trim();
    let plain = plain.strip_prefix("mailto:").unwrap_or(plain);
    let clean = plain.chars().filter(|c| !c.is_control());
    clean.take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(i32, String)> {
        AddressList::read(text).unwrap().rows().collect()
    }

    fn said(text: &str) -> Vec<String> {
        rows(text).into_iter().map(|(_, address)| address).collect()
    }

    #[test]
    fn rows_are_counted_as_an_editor_counts_lines() {
        let typed = "ann@acme.test\r\nbob@acme.test\r\n\r\n\"cyd@acme.test\",\"two\r\nlines\"\r\ndan@acme.test";
        let lines: Vec<i32> = rows(typed).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 2, 4, 6]);
    }

    #[test]
    fn one_on_each_line_and_blank_lines_do_not_count() {
        let typed = "ann@acme.test\r\n\n  Bob@acme.test \n";
        assert_eq!(
            rows(typed),
            [
                (1, "ann@acme.test".to_owned()),
                (3, "Bob@acme.test".to_owned())
            ]
        );
    }

    #[test]
    fn a_line_out_of_a_mail_program_is_taken_apart() {
        let typed = "Ann Archer <ann@acme.test>, \"Bob, B.\" <bob@acme.test>; mailto:cyd@acme.test";
        assert_eq!(
            said(typed),
            ["ann@acme.test", "bob@acme.test", "cyd@acme.test"]
        );
    }

    #[test]
    fn a_head_names_the_column() {
        let csv = "name;E-Mail;note\nAnn;ann@acme.test;see bob@acme.test\nBob;;\nCyd;not one;\n";
        assert_eq!(
            rows(csv),
            [(2, "ann@acme.test".to_owned()), (4, "not one".to_owned())]
        );
    }

    #[test]
    fn what_is_no_address_keeps_its_row() {
        assert_eq!(
            rows("ann@acme.test\nBob Bright\n")[1],
            (2, "Bob Bright".to_owned())
        );
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        for none in ["", " \n\n", "address\n"] {
            assert!(
                AddressList::read(none)
                    .unwrap_err()
                    .of("addresses")
                    .is_some()
            );
        }
        let many = "a@b.test\n".repeat(MOST + 1);
        assert!(AddressList::read(&many).is_err());
        assert_eq!(AddressList::read(&many[9..]).unwrap().len(), MOST);
    }

    #[test]
    fn quotes_line_ends_and_a_mark_of_byte_order_are_read() {
        let csv = "\u{feff}address,name\n\"ann@acme.test\",\"Archer,\nAnn\"\nbob@acme.test,Bob\n";
        assert_eq!(said(csv), ["ann@acme.test", "bob@acme.test"]);
    }
}
