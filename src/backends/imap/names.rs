//! Folder names: modified UTF-7 (RFC 3501 §5.1.3), and strings in commands.
use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

const BASE64: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// A name as people read it, with `/` between levels. What is not modified UTF-7 (or UTF-8, where
/// that is spoken) is kept as it is: the name must only stay one and the same.
pub fn decode(wire: &[u8], utf8: bool, delimiter: Option<u8>) -> String {
    let text = String::from_utf8_lossy(wire);
    let level = |text: String| match delimiter {
        Some(delimiter) if delimiter != b'/' => text.replace(char::from(delimiter), "/"),
        _ => text,
    };
    if utf8 {
        return level(text.into_owned());
    }
    // The delimiter is looked for before decoding: an encoded one belongs to the name.
    let parts = level(text.into_owned());
    decode_mutf7(&parts).unwrap_or(parts)
}

fn decode_mutf7(text: &str) -> Option<String> {
    let mut name = String::new();
    let mut rest = text;
    while let Some((plain, coded)) = rest.split_once('&') {
        name.push_str(plain);
        let (coded, after) = coded.split_once('-')?;
        if coded.is_empty() {
            name.push('&');
        } else {
            let bytes = BASE64.decode(coded).ok()?;
            let (units, odd) = bytes.as_chunks::<2>();
            if !odd.is_empty() {
                return None;
            }
            let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
            name.push_str(
                &char::decode_utf16(units)
                    .collect::<Result<String, _>>()
                    .ok()?,
            );
        }
        rest = after;
    }
    name.push_str(rest);
    Some(name)
}

/// The levels of a name, each as people read it.
pub fn levels(wire: &[u8], utf8: bool, delimiter: Option<u8>) -> Vec<String> {
    let levels: Vec<&[u8]> = match delimiter {
        Some(delimiter) => wire.split(|byte| *byte == delimiter).collect(),
        None => vec![wire],
    };
    levels
        .into_iter()
        .map(|level| decode(level, utf8, None))
        .collect()
}

/// A name on the wire. A delimiter inside a level, which this server cannot have, becomes `-`.
pub fn encode(levels: &[String], utf8: bool, delimiter: Option<u8>) -> Vec<u8> {
    let between = delimiter.map_or('-', char::from);
    let level = |level: &String| {
        let level = level.replace(between, "-");
        if utf8 { level } else { encode_mutf7(&level) }
    };
    let levels: Vec<_> = levels.iter().map(level).collect();
    levels.join(&between.to_string()).into_bytes()
}

fn encode_mutf7(name: &str) -> String {
    let mut wire = String::new();
    let mut coded: Vec<u8> = Vec::new();
    let flush = |coded: &mut Vec<u8>, wire: &mut String| {
        if !coded.is_empty() {
            wire.push('&');
            wire.push_str(&BASE64.encode(&*coded));
            wire.push('-');
            coded.clear();
        }
    };
    for letter in name.chars() {
        if matches!(letter, ' '..='~') {
            flush(&mut coded, &mut wire);
            wire.push(letter);
            if letter == '&' {
                wire.push('-');
            }
        } else {
            let mut units = [0; 2];
            let units = letter.encode_utf16(&mut units);
            coded.extend(units.iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    flush(&mut coded, &mut wire);
    wire
}

/// A part of a command: bytes to send as they are, or a string that needs a literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it is.
    Plain(Vec<u8>),
    /// To be sent as a literal.
    Literal(Vec<u8>),
}

/// A string in a command: quoted where it can be, else a literal.
pub fn string(bytes: &[u8]) -> Part {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~');
    if !bytes.iter().all(plain) || bytes.len() > 1000 {
        return Part::Literal(bytes.to_vec());
    }
    let mut quoted = vec![b'"'];
    for byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            quoted.push(b'\\');
        }
        quoted.push(*byte);
    }
    quoted.push(b'"');
    Part::Plain(quoted)
}

/// UIDs as the fewest ranges, in pieces of at most `most` ranges.
pub fn uid_sets(uids: &[u32], most: usize) -> Vec<String> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for uid in uids {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*uid) => *last = *uid,
            _ => ranges.push((*uid, *uid)),
        }
    }
    let word = |(first, last): &(u32, u32)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}:{last}")
        }
    };
    ranges
        .chunks(most.max(1))
        .map(|some| some.iter().map(word).collect::<Vec<_>>().join(","))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modified_utf7_is_read() {
        for (wire, name) in [
            ("INBOX", "INBOX"),
            ("Entw&APw-rfe", "Entwürfe"),
            ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
            ("R&-D", "R&D"),
            ("&2D3eAA-", "😀"),
            ("a & b", "a & b"),
            ("&AG", "&AG"),
            ("&!!-", "&!!-"),
            ("&2D0-", "&2D0-"),
        ] {
            assert_eq!(decode(wire.as_bytes(), false, Some(b'/')), name, "{wire}");
        }
    }

    #[test]
    fn modified_utf7_is_written_as_it_is_read() {
        for name in ["INBOX", "Entwürfe", "台北", "R&D", "😀 & ☃", "a\tb"] {
            let levels = [name.to_owned()];
            let wire = encode(&levels, false, Some(b'.'));
            assert!(wire.is_ascii(), "{name}");
            assert_eq!(super::levels(&wire, false, Some(b'.')), levels);
        }
        assert_eq!(encode(&["台北".to_owned()], false, None), b"&U,BTFw-");
        let levels = ["a.b".to_owned(), "c/d".to_owned()];
        assert_eq!(encode(&levels, true, Some(b'.')), b"a-b.c/d");
        assert_eq!(encode(&levels, true, None), b"a.b-c/d");
    }

    #[test]
    fn levels_are_told_by_a_slash() {
        assert_eq!(
            decode(b"INBOX.a.&AOk-t&AOk-", false, Some(b'.')),
            "INBOX/a/été"
        );
        assert_eq!(decode("a.é".as_bytes(), true, Some(b'.')), "a/é");
        assert_eq!(decode(b"a.b", false, None), "a.b");
    }

    #[test]
    fn strings_are_quoted_or_sent_as_literals() {
        assert_eq!(
            string(br#"a "b" \"#),
            Part::Plain(br#""a \"b\" \\""#.to_vec())
        );
        assert_eq!(string(b""), Part::Plain(b"\"\"".to_vec()));
        assert_eq!(
            string("é".as_bytes()),
            Part::Literal("é".as_bytes().to_vec())
        );
        assert_eq!(string(b"a\r\nb"), Part::Literal(b"a\r\nb".to_vec()));
    }

    #[test]
    fn uids_become_the_fewest_ranges() {
        assert_eq!(
            uid_sets(&[1, 2, 3, 5, 7, 8, u32::MAX], 3),
            ["1:3,5,7:8", "4294967295"]
        );
        assert!(uid_sets(&[], 3).is_empty());
    }
}
