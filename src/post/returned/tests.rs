use proptest::prelude::*;

use super::*;

const ID: &str = "<019abc00-0000-7000-8000-000000000001@hosting.test>";
const POSTFIX: &[u8] = include_bytes!("postfix-full.eml");
const DELAYED: &[u8] = include_bytes!("postfix-delayed.eml");
const EXIM: &[u8] = include_bytes!("exim.eml");
const EXCHANGE: &[u8] = include_bytes!("exchange-online.eml");

fn failed(said: &str) -> Returned {
    Returned::Failed(Failure {
        message_id: ID.to_owned(),
        said: said.to_owned(),
    })
}

/// A notification in another form of the same.
fn changed(raw: &[u8], from: &str, to: &str) -> Returned {
    let text = String::from_utf8_lossy(raw);
    assert!(text.contains(from), "{from}");
    read(text.replace(from, to).as_bytes())
}

#[test]
fn a_bounce_of_postfix_is_told_in_its_own_words_unfolded() {
    let said = "It could not be delivered to ann@acme.test. mail.example.test said: 552 5.2.2 \
                <ann@acme.test> Quota exceeded (mailbox for user is full)";
    assert_eq!(read(POSTFIX), failed(said));
}

#[test]
fn exim_and_exchange_are_understood_too() {
    let said = "It could not be delivered to ann@elsewhere.test. mail.inner.test said: 550 5.1.1 \
                <ann@elsewhere.test>: Recipient address rejected: User unknown";
    assert_eq!(read(EXIM), failed(said));
    let said = "It could not be delivered to ann@example.test. \
                AM0PR01MB0001.eurprd01.prod.exchangelabs.com said: 550 5.1.10 \
                RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup";
    assert_eq!(read(EXCHANGE), failed(said));
}

#[test]
fn a_warning_that_it_is_late_is_no_bounce_and_neither_is_good_news() {
    assert_eq!(read(DELAYED), Returned::NoFailure);
    for action in ["delivered", "relayed", "expanded", "DELAYED"] {
        let told = changed(POSTFIX, "Action: failed", &format!("Action: {action}"));
        assert_eq!(told, Returned::NoFailure, "{action}");
    }
    let mixed = changed(
        POSTFIX,
        "\r\nFinal-Recipient",
        "\r\nFinal-Recipient: rfc822; list@acme.test\r\nAction: expanded\r\n\r\nFinal-Recipient",
    );
    assert!(matches!(mixed, Returned::Failed(_)), "{mixed:?}");
}

#[test]
fn an_absence_note_and_a_read_receipt_are_no_bounces() {
    assert_eq!(read(include_bytes!("absence.eml")), Returned::NoFailure);
    assert_eq!(
        read(include_bytes!("read-receipt.eml")),
        Returned::NoFailure
    );
}

#[test]
fn what_is_no_notification_is_left_for_people() {
    let qmail: &[u8] = include_bytes!("qmail.eml");
    let exim: &[u8] = include_bytes!("exim-old.eml");
    for raw in [
        qmail,
        exim,
        b"",
        b"\r\n\r\n",
        b"Subject: buy this\r\n\r\nNow!",
    ] {
        let text = String::from_utf8_lossy(raw);
        assert_eq!(read(raw), Returned::NotUnderstood, "{text}");
    }
    // A report that somebody passes on is not one that came back to us.
    let outer = b"From: eve@acme.test\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n\
                  --o\r\nContent-Type: message/rfc822\r\n\r\n";
    let passed_on = [outer, POSTFIX, b"\r\n--o--\r\n"].concat();
    assert_eq!(read(&passed_on), Returned::NotUnderstood);
}

#[test]
fn without_the_letter_it_counts_what_the_notification_answers_to() {
    let none = "Message-ID: <019abc00";
    let other = changed(EXCHANGE, none, "X-Other: <019abc00");
    assert!(matches!(other, Returned::Failed(_)), "{other:?}");
    assert_eq!(
        changed(POSTFIX, none, "X-Other: <019abc00"),
        Returned::NotUnderstood
    );
}

#[test]
fn where_it_was_passed_on_to_is_said() {
    let told = changed(
        POSTFIX,
        "Final-Recipient: rfc822; ann@acme.test",
        "Final-Recipient: rfc822; ann@elsewhere.test",
    );
    let Returned::Failed(failure) = told else {
        panic!("{told:?}");
    };
    let begins = "It could not be delivered to ann@acme.test, passed on to ann@elsewhere.test. ";
    assert!(failure.said.starts_with(begins), "{}", failure.said);
}

#[test]
fn what_is_missing_is_said_in_other_words_and_what_is_long_is_cut() {
    let status = "Reporting-MTA: dns; mx.test\r\n\r\nAction: failed\r\n";
    let report = format!(
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\
         Content-Type: message/delivery-status\r\n\r\n{status}\r\n--b\r\n\
         Content-Type: message/rfc822\r\n\r\nMessage-ID: {ID}\r\n\r\nHello\r\n--b--\r\n"
    );
    let said = "It could not be delivered to its recipient. mx.test said: nothing more";
    assert_eq!(read(report.as_bytes()), failed(said));
    let long = format!(
        "{status}Diagnostic-Code: smtp; 550 {}\r\n",
        "ä".repeat(5000)
    );
    let Returned::Failed(failure) = read(report.replace(status, &long).as_bytes()) else {
        panic!("not understood");
    };
    assert_eq!(failure.said.chars().count(), WORDS);
    // Eight bits that are no UTF-8.
    let latin = report.replace(
        status,
        &format!("{status}Diagnostic-Code: smtp; 550 Gr\u{1}e\r\n"),
    );
    let latin: Vec<u8> = latin
        .bytes()
        .map(|byte| if byte == 1 { 0xfc } else { byte })
        .collect();
    let Returned::Failed(failure) = read(&latin) else {
        panic!("not understood");
    };
    assert!(
        failure.said.ends_with("550 Gr\u{fffd}e"),
        "{}",
        failure.said
    );
}

proptest! {
    #[test]
    fn nothing_that_arrives_makes_it_fall_over(
        which in 0..4_usize,
        cut in 0..6000_usize,
        at in 0..6000_usize,
        noise in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut raw = [POSTFIX, DELAYED, EXIM, EXCHANGE][which].to_vec();
        raw.truncate(cut);
        let at = at.min(raw.len());
        raw.splice(at..(at + noise.len()).min(raw.len()), noise);
        let _ = read(&raw);
    }
}
