//! What servers say, plain and awkward, and noise that must not panic.
use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Response {
    understand(&[Piece::Text(text.as_bytes().to_vec())]).unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn a_status_has_its_code_and_text() {
    let said = |text: &str| match read(text) {
        Response::Said(said) | Response::Done(_, said) => said,
        other => panic!("{other:?}"),
    };
    let ok = said("* OK [UIDVALIDITY 3857529045] UIDs valid");
    assert_eq!(
        (ok.code.as_deref(), ok.argument.as_str()),
        (Some("UIDVALIDITY"), "3857529045")
    );
    let no = said("A7 no [authenticationfailed] Authentication failed.");
    assert_eq!(
        (no.status, no.code.as_deref()),
        (Status::No, Some("AUTHENTICATIONFAILED"))
    );
    assert_eq!(no.text, "Authentication failed.");
    assert_eq!(said("* BYE").status, Status::Bye);
    assert_eq!(said("* OK [oops").text, "[oops");
    assert_eq!(read("+ idling"), Response::Continue);
    assert_eq!(read("+"), Response::Continue);
}

#[test]
fn a_folder_may_be_an_atom_a_string_with_escapes_a_literal_or_called_nil() {
    let name = |response: Response| match response {
        Response::List(listed) => listed.name,
        other => panic!("{other:?}"),
    };
    assert_eq!(name(read(r#"* LIST (\HasNoChildren) "/" INBOX"#)), b"INBOX");
    assert_eq!(
        name(read(r#"* LIST () "." "a \"b\" \\ c""#)),
        br#"a "b" \ c"#
    );
    assert_eq!(name(read(r"* list () NIL NIL")), b"NIL");
    let pieces = [
        Piece::Text(b"* LIST (\\Noselect \\Sent) \"/\" ".to_vec()),
        Piece::Literal(b"odd \"{3}\r\nname".to_vec()),
        Piece::Text(b"".to_vec()),
    ];
    let Some(Response::List(listed)) = understand(&pieces) else {
        panic!()
    };
    assert_eq!(listed.name, b"odd \"{3}\r\nname");
    assert_eq!(listed.attributes, ["\\Noselect", "\\Sent"]);
    let Response::List(flat) = read("* LIST () NIL flat") else {
        panic!()
    };
    assert_eq!(flat.delimiter, None);
}

#[test]
fn a_fetch_may_have_its_items_in_any_order_and_more_than_was_asked() {
    let pieces = [
        Piece::Text(b"* 12 FETCH (MODSEQ (624140003) BODY[] ".to_vec()),
        Piece::Streamed(vec![7]),
        Piece::Text(
            b" FLAGS (\\Seen $Label1) BODY[HEADER.FIELDS (DATE \"X\")] NIL INTERNALDATE \
              \" 4-Nov-2026 11:00:00 +0100\" UID 4294967295 RFC822.SIZE 44827 \
              ENVELOPE (NIL ((NIL NIL \"a\" \"b)\")) NIL))"
                .to_vec(),
        ),
    ];
    let Some(Response::Fetch(fetched)) = understand(&pieces) else {
        panic!()
    };
    assert_eq!(fetched.uid, Some(u32::MAX));
    assert_eq!(fetched.size, Some(44827));
    assert_eq!(fetched.date, Some(1_793_786_400));
    assert_eq!(fetched.flags.unwrap(), ["\\Seen", "$Label1"]);
    assert_eq!(fetched.body, Some(Body::Streamed(vec![7])));
}

#[test]
fn a_body_may_be_a_quoted_string_empty_or_nil() {
    let body = |text: &str| match read(text) {
        Response::Fetch(fetched) => fetched.body,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        body(r#"* 1 FETCH (BODY[] "hi")"#),
        Some(Body::Whole(b"hi".to_vec()))
    );
    assert_eq!(body(r#"* 1 FETCH (BODY[] "")"#), Some(Body::Whole(vec![])));
    assert_eq!(body("* 1 FETCH (UID 3 BODY[] NIL)"), None);
}

#[test]
fn status_counts_are_read_and_the_unknown_passes() {
    let Response::StatusOf(name, items) =
        read(r#"* STATUS "a b" (MESSAGES 231 UIDNEXT 44292 MAILBOXID (F2212ea87) SIZE 99)"#)
    else {
        panic!()
    };
    assert_eq!(
        (name.as_slice(), items["MESSAGES"], items["SIZE"]),
        (&b"a b"[..], 231, 99)
    );
    assert_eq!(read("* 3 EXPUNGE"), Response::Other);
    assert_eq!(read("* X-SOMETHING ((("), Response::Other);
    assert_eq!(read("* 17 EXISTS"), Response::Exists(17));
}

#[test]
fn what_is_not_imap_is_not_understood() {
    for text in [
        "",
        "*",
        "HTTP/1.1 400 Bad Request",
        "* 1 FETCH (UID",
        "* 1 FETCH (UID 1 FLAGS)",
        "* LIST () \"/\"",
        "* 1 FETCH (UID x)",
        "* 99999999999 EXISTS",
        "* LIST () \"/\" \"open",
    ] {
        let found = understand(&[Piece::Text(text.as_bytes().to_vec())]);
        assert_eq!(found, None, "{text}");
    }
    let deep = format!("* 1 FETCH {}", "(".repeat(100_000));
    assert_eq!(understand(&[Piece::Text(deep.into_bytes())]), None);
}

fn piece() -> impl Strategy<Value = Piece> {
    let words = "(\\*|[0-9]{1,3}|FETCH|LIST|STATUS|UID|FLAGS|BODY\\[\\]|NIL|OK|\\(|\\)|\"|\\\\|\\[|\\]| |\\{3\\}|A1|é){0,20}";
    prop_oneof![
        words.prop_map(|text| Piece::Text(text.into_bytes())),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Piece::Text),
        proptest::collection::vec(any::<u8>(), 0..10).prop_map(Piece::Literal),
        proptest::collection::vec(any::<u8>(), 0..10).prop_map(Piece::Streamed),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn noise_never_panics(pieces in proptest::collection::vec(piece(), 0..6)) {
        let _ = understand(&pieces);
    }

    #[test]
    fn noise_after_a_known_start_never_panics(
        start in prop_oneof![Just("* 1 FETCH "), Just("* LIST "), Just("* STATUS "), Just("A1 OK [")],
        rest in proptest::collection::vec(piece(), 0..6),
    ) {
        let mut pieces = vec![Piece::Text(start.as_bytes().to_vec())];
        pieces.extend(rest);
        let _ = understand(&pieces);
    }
}
