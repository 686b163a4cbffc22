//! Which mailboxes to fill, and who they are at the server elsewhere: typed one by one, or a file
//! with one in each row.
use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::LONGEST;
use crate::domain::{ImportListId, Invalid};

/// One mailbox to fill.
#[derive(Debug, Clone)]
pub struct Row {
    /// Our mailbox: its id or address.
    pub mailbox: String,
    /// The login name there.
    pub user: String,
    /// The password or app password there.
    pub password: SecretString,
}

impl Row {
    /// Checks what was typed; faults are at `at/<field>`.
    pub fn check(&self, at: &str, faults: &mut Invalid) {
        use secrecy::ExposeSecret as _;
        let fits = |text: &str| !text.is_empty() && text.len() <= LONGEST;
        if self.mailbox.is_empty() {
            faults.push(&format!("{at}/mailbox"), "Name the mailbox to fill.");
        }
        if !fits(&self.user) {
            faults.push(
                &format!("{at}/user"),
                "Enter the login name at the server, up to 255 characters.",
            );
        }
        if !fits(self.password.expose_secret()) {
            faults.push(
                &format!("{at}/password"),
                "Enter the password or app password at the server, up to 255 characters.",
            );
        }
    }
}

/// A row of a file, as it was written.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its line in the file, the head being line 1.
    pub number: u64,
    /// What is asked for, or why it cannot be read.
    pub row: Result<Row, Unread>,
}

/// A row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The mailbox that it seems to name.
    pub mailbox: String,
    /// What is wrong with it.
    pub why: String,
}

/// Reads rows of `mailbox,user,password` with a head (RFC 4180), or with `;` between the cells, as
/// spreadsheets write them where the comma is the decimal point. A row that cannot be read is kept
/// with its number; what makes the whole unreadable is at `csv/1`.
pub fn lines_of_csv(text: &str) -> Result<Vec<Line>, Invalid> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The reader counts a line too few after each that ends as on Windows.
    let text = text.replace("\r\n", "\n");
    let head = text.lines().next().unwrap_or_default();
    let between = if head.contains(';') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(between)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let head = records.next().and_then(Result::ok).unwrap_or_default();
    let head = head.iter().map(|cell| cell.trim().to_ascii_lowercase());
    if head.ne(["mailbox", "user", "password"]) {
        let detail = "Begin with the line mailbox,user,password.";
        return Err(Invalid::field("csv/1", detail));
    }
    let read = |record: csv::StringRecord| Line {
        number: record.position().map_or(0, csv::Position::line),
        row: match record.iter().collect::<Vec<_>>().as_slice() {
            [mailbox, user, password] => Ok(Row {
                mailbox: mailbox.trim().to_owned(),
                user: user.trim().to_owned(),
                password: (*password).to_owned().into(),
            }),
            other => Err(Unread {
                mailbox: other.first().map_or("", |cell| cell.trim()).to_owned(),
                why: format!(
                    "This row has {} cells. Write mailbox,user,password.",
                    other.len()
                ),
            }),
        },
    };
    Ok(records.filter_map(Result::ok).map(read).collect())
}

/// The same, where one row that cannot be read is a fault of the whole, at `csv/<line>`.
pub fn rows_of_csv(text: &str) -> Result<Vec<Row>, Invalid> {
    let (mut rows, mut faults) = (vec![], Invalid::default());
    for line in lines_of_csv(text)? {
        match line.row {
            Ok(row) => rows.push(row),
            Err(unread) => faults.push(&format!("csv/{}", line.number), unread.why),
        }
    }
    faults.into_result()?;
    Ok(rows)
}

/// Imports that were asked for together, by a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportList {
    /// Its id.
    pub id: ImportListId,
    /// What the file was called.
    pub name: String,
    /// The server elsewhere.
    pub host: String,
    /// Who uploaded it.
    pub started_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A row of a file for which nothing was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its line in the file, the head being line 1.
    pub line: u64,
    /// The mailbox that it names.
    pub mailbox: String,
    /// The login name there.
    pub user: String,
    /// Why.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_from_csv() {
        use secrecy::ExposeSecret as _;
        let text = "\u{feff}Mailbox,user,password\r\na@b.test,ann,\"x,\"\"y\"\"\n z\"\r\n\r\nc@b.test, cy ,p";
        let rows = rows_of_csv(text).unwrap();
        let told: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.mailbox.as_str(),
                    row.user.as_str(),
                    row.password.expose_secret(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [("a@b.test", "ann", "x,\"y\"\n z"), ("c@b.test", "cy", "p")]
        );
        assert!(
            rows_of_csv("a@b.test,ann,x")
                .unwrap_err()
                .of("csv/1")
                .is_some()
        );
        let short = rows_of_csv("mailbox,user,password\na,b,c\na,b\n").unwrap_err();
        assert_eq!(short.errors.len(), 1);
        assert!(short.of("csv/3").is_some());
    }

    #[test]
    fn a_row_that_cannot_be_read_is_kept_with_its_number() {
        let text = "mailbox;user;password\r\na@b.test;ann;x,y\r\nb@b.test;bo\r\nc@b.test;cy;z\r\n";
        let lines = lines_of_csv(text).unwrap();
        let numbers: Vec<_> = lines
            .iter()
            .map(|line| (line.number, line.row.is_ok()))
            .collect();
        assert_eq!(numbers, [(2, true), (3, false), (4, true)]);
        let unread = lines[1].row.as_ref().unwrap_err();
        assert_eq!(unread.mailbox, "b@b.test");
        assert!(unread.why.contains("2 cells"));
    }
}
