use chrono::TimeZone as _;

use super::*;
use crate::domain::message::Colour;

fn told(moment: Moment, to: Kind) -> Told {
    let at = |protocol, port, security, url: Option<&str>| Listener {
        protocol,
        host: "mail.acme.test".to_owned(),
        port,
        security,
        url: url.map(str::to_owned),
    };
    let day = |day| Utc.with_ymd_and_hms(2026, 12, day, 1, 0, 0).unwrap();
    Told {
        brand: Brand {
            name: "Quayside <Hosting>".to_owned(),
            colour: Colour::own(),
            sender: "Quayside".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
        },
        moment,
        name: "Ann Archer".to_owned(),
        address: "ann@acme.test".to_owned(),
        from: to.other(),
        to,
        when: Some(day(8)),
        opens: vec![Protocol::Activesync],
        closes: vec![Protocol::Pop3],
        until: vec![(Protocol::Pop3, day(22))],
        listeners: vec![
            at(Protocol::Imap, 993, Security::Tls, None),
            at(Protocol::Smtp, 587, Security::Starttls, None),
            at(
                Protocol::Activesync,
                443,
                Security::Tls,
                Some("https://mail.acme.test/eas"),
            ),
            at(
                Protocol::Webmail,
                443,
                Security::Tls,
                Some("https://mail.acme.test/SOGo"),
            ),
        ],
    }
}

#[test]
fn before_it_says_what_will_change_and_when_in_the_customers_time() {
    let letter = conversion(&told(Moment::Before, Kind::Exchange)).unwrap();
    assert_eq!(
        letter.subject,
        "Your mailbox becomes an Exchange mailbox on 8 December 2026"
    );
    for text in [&letter.text, &letter.html] {
        assert!(
            text.contains("Tuesday, 8 December 2026 at 02:00 CET"),
            "{text}"
        );
        assert!(text.contains("stays open until 22 December 2026"), "{text}");
        assert!(text.contains("Hello Ann Archer,"), "{text}");
    }
}

#[test]
fn after_it_says_what_to_do_on_which_device() {
    let letter = conversion(&told(Moment::After, Kind::Exchange)).unwrap();
    for text in [&letter.text, &letter.html] {
        assert!(text.contains("iPhone, iPad or Android"), "{text}");
        assert!(text.contains("https://mail.acme.test/SOGo"), "{text}");
    }
    let back = conversion(&told(Moment::After, Kind::PopImap)).unwrap();
    assert!(
        back.text
            .contains("Incoming, IMAP: mail.acme.test, port 993, SSL/TLS"),
        "{}",
        back.text
    );
    assert!(
        back.text
            .contains("Outgoing, SMTP: mail.acme.test, port 587, STARTTLS"),
        "{}",
        back.text
    );
}

#[test]
fn names_are_shown_as_they_are_and_nothing_comes_from_elsewhere() {
    let letter = conversion(&told(Moment::After, Kind::Exchange)).unwrap();
    assert!(
        letter.html.contains("Quayside &#60;Hosting&#62;"),
        "{}",
        letter.html
    );
    assert!(
        letter.text.contains("Quayside <Hosting>"),
        "{}",
        letter.text
    );
    for remote in ["<img", "src=", "url(", "@import", "<link", "<script"] {
        assert!(!letter.html.contains(remote), "{remote}");
    }
}

#[test]
fn admins_are_told_which_kept_mailboxes_end() {
    let ending = Ending {
        brand: told(Moment::Before, Kind::Exchange).brand,
        tenant: "Acme".to_owned(),
        ends: Utc.with_ymd_and_hms(2026, 12, 8, 12, 0, 0).unwrap(),
        addresses: vec!["ann@acme.test".to_owned(), "bob@acme.test".to_owned()],
        more: 3,
        page: "https://panel.test/t/acme/mailboxes/kept".to_owned(),
    };
    let letter = retention(&ending).unwrap();
    assert_eq!(
        letter.subject,
        "5 kept mailboxes of Acme will be destroyed on 8 December 2026"
    );
    assert!(letter.text.contains("bob@acme.test"), "{}", letter.text);
    assert!(
        letter
            .text
            .contains("Show the kept mailboxes: https://panel.test/"),
        "{}",
        letter.text
    );
}
