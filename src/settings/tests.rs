use std::io::Write as _;

use pilothouse::domain::mailserver::Security;
use secrecy::ExposeSecret as _;

use super::*;

fn with(file: &str, variables: &[(&str, &str)]) -> anyhow::Result<Settings> {
    let mut toml = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    toml.write_all(file.as_bytes()).unwrap();
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::read(Some(toml.path()), variables)
}

fn fault(file: &str, variables: &[(&str, &str)]) -> String {
    format!("{:#}", with(file, variables).unwrap_err())
}

#[test]
fn nothing_need_be_set() {
    let settings = with("", &[]).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.public_url.as_str(), "http://127.0.0.1:8080/");
}

#[test]
fn the_environment_wins_over_the_file() {
    let file =
        "listen = '127.0.0.1:1'\n[engine]\nsweep_every_seconds = 30\n[database]\nconnections = 3";
    let variables = [
        ("PILOTHOUSE_LISTEN", "127.0.0.1:2"),
        ("PILOTHOUSE_DATABASE__URL", "sqlite://other.db"),
        ("PILOTHOUSE_DATABASE__CONNECTIONS", "4"),
        ("PILOTHOUSE_TRUSTED_PROXIES", "10.0.0.0/8,127.0.0.1"),
        ("PILOTHOUSE_MAIL_SERVERS__ALLOWED_HOSTS", "mail-1.test"),
        ("PILOTHOUSE_CONFIG", "ignored.toml"),
        ("PILOTHOUSE_TEST_DATABASE", "postgres"),
    ];
    let settings = with(file, &variables).unwrap();
    assert_eq!(settings.listen.port(), 2);
    assert_eq!(settings.database.url.expose_secret(), "sqlite://other.db");
    assert_eq!(settings.database.connections, 4);
    assert_eq!(settings.trusted_proxies.len(), 2);
    assert_eq!(settings.mail_servers.allowed_hosts, ["mail-1.test"]);
    assert_eq!(settings.pace.sweep_every, Duration::from_secs(30));
}

#[test]
fn what_is_wrong_is_named() {
    for (file, name) in [
        ("listen = 'here'", "listen"),
        ("public_url = 'http://panel.example.org'", "public_url"),
        (
            "public_url = 'https://panel.example.org/panel'",
            "public_url",
        ),
        ("[database]\nconnections = 1", "database.connections"),
        ("[database]\nconnections = 'many'", "database.connections"),
        ("[log]\nformat = 'xml'", "xml"),
        ("trusted_proxies = ['10.0.0.0/33']", "trusted_proxies"),
        ("[engine]\ntick_seconds = 0", "engine.tick_seconds"),
        ("lissten = '127.0.0.1:1'", "lissten"),
    ] {
        let fault = fault(file, &[]);
        assert!(fault.contains(name), "{file}: {fault}");
    }
    let fault = fault("", &[("PILOTHOUSE_LISSTEN", "127.0.0.1:1")]);
    assert!(fault.contains("lissten"), "{fault}");
}

/// Settings of a mailbox for bounces, one of them changed.
fn bounces(name: &str, value: &str) -> anyhow::Result<Settings> {
    let mut written = vec![
        ("PILOTHOUSE_MAIL__BOUNCES__HOST", "imap.example.org"),
        ("PILOTHOUSE_MAIL__BOUNCES__USERNAME", "bounces@example.org"),
        ("PILOTHOUSE_MAIL__BOUNCES__PASSWORD", "12345678"),
        ("PILOTHOUSE_MAIL__FROM", "panel@example.org"),
        ("PILOTHOUSE_MAIL__TRANSPORT", "file"),
    ];
    written.retain(|(known, _)| *known != name);
    written.push((name, value));
    with("", &written)
}

#[test]
fn bounces_are_read_over_tls_unless_something_else_is_written_and_what_is_wrong_is_named() {
    assert!(with("", &[]).unwrap().bounces.is_none());
    let read = |name: &str, value: &str| {
        let settings = bounces(name, value).unwrap();
        settings.bounces.unwrap().login
    };
    let usual = read("PILOTHOUSE_MAIL__BOUNCES__ADDRESS", "bounces@example.org");
    assert_eq!(usual.place, "imap.example.org:993");
    assert_eq!(usual.security, Security::Tls);
    assert_eq!(usual.password.expose_secret(), "12345678");
    assert!(!format!("{usual:?}").contains("12345678"));
    let upgraded = read("PILOTHOUSE_MAIL__BOUNCES__SECURITY", "starttls");
    assert_eq!(upgraded.place, "imap.example.org:143");
    let other = read("PILOTHOUSE_MAIL__BOUNCES__HOST", "2001:db8::1");
    assert_eq!(other.place, "[2001:db8::1]:993");
    for (setting, wrong) in [
        ("host", ""),
        ("host", "imaps://imap.example.org"),
        ("port", "0"),
        ("port", "many"),
        ("security", "none"),
        ("security", "ssl"),
        ("username", ""),
        ("password", ""),
        ("address", "nobody"),
        ("ca_file", "/nowhere/ca.pem"),
    ] {
        let name = format!("PILOTHOUSE_MAIL__BOUNCES__{}", setting.to_uppercase());
        let fault = format!("{:#}", bounces(&name, wrong).unwrap_err());
        let named = format!("mail.bounces.{setting}");
        assert!(fault.contains(&named), "{setting}: {fault}");
    }
}

#[test]
fn a_missing_file_is_a_fault_only_when_it_was_named() {
    let named = Settings::read(Some(Path::new("/nowhere/panel.toml")), std::iter::empty());
    assert!(named.is_err());
}

#[test]
fn a_key_is_made_once_and_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let secrets = Secrets {
        key: None,
        key_file: folder.path().join("new/secrets.key"),
    };
    let first = format!("{:?}", secrets.sealing_key().unwrap());
    assert_eq!(format!("{:?}", secrets.sealing_key().unwrap()), first);
    let mode = secrets.key_file.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::write(&secrets.key_file, "short").unwrap();
    let fault = secrets.sealing_key().unwrap_err().to_string();
    assert!(fault.contains("secrets.key_file"), "{fault}");
}
