//! Settings as an operator may get them wrong.
use super::*;

fn info() -> Value {
    serde_json::json!({
        "name": "mail.example.test", "offers": ["imap", "pop3", "smtp"], "host": "127.0.0.1",
        "imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995, "smtp": 25, "submission": 587,
        "sieve": 4190, "http": "http://127.0.0.1:80", "lmtp": 24,
        "panel_imap": "127.0.0.1:145", "master_user": "panel", "master_password": "m",
        "doveadm_url": "http://127.0.0.1:81/doveadm/v1", "doveadm_api_key": "k",
        "directory_url": "postgres://panel:secret@127.0.0.1:5432/directory",
        "directory_version": 1, "memcached": ["127.0.0.1:211"], "sogo_roles": {},
        "ca_certificate": "cert.pem", "base": "var"
    })
}

fn fault_of(field: &str, value: Value) -> String {
    let (mut settings, secrets) = split_stack_info(info()).unwrap();
    settings[field] = value;
    let fault = read(settings, secrets).unwrap_err();
    let place = format!("settings/{field}");
    fault
        .of(&place)
        .map_or_else(|| panic!("{fault:?}"), str::to_owned)
}

#[test]
fn what_the_stack_prints_is_taken_and_its_secrets_are_apart() {
    let (settings, secrets) = split_stack_info(info()).unwrap();
    for secret in ["secret", "\"m\"", "\"k\""] {
        assert!(!settings.to_string().contains(secret), "{settings}");
    }
    let (settings, _) = read(settings, secrets).unwrap();
    assert_eq!(
        settings.directory_url.as_str(),
        "postgres://panel@127.0.0.1:5432/directory"
    );
}

#[test]
fn an_admin_interface_elsewhere_needs_to_be_allowed() {
    let far = "http://10.0.0.9:81/doveadm/v1";
    assert!(fault_of("doveadm_url", far.into()).contains("admin_hosts"));
    assert!(fault_of("memcached", serde_json::json!(["mail:211"])).contains("admin_hosts"));
    let (mut settings, secrets) = split_stack_info(info()).unwrap();
    settings["doveadm_url"] = far.into();
    settings["admin_hosts"] = serde_json::json!(["10.0.0.9"]);
    assert!(read(settings, secrets).is_ok());
}

#[test]
fn a_wrong_scheme_place_or_password_in_a_url_is_told_at_its_field() {
    assert!(fault_of("doveadm_url", "file:///etc/passwd".into()).contains("scheme"));
    assert!(fault_of("panel_imap", "127.0.0.1".into()).contains("host:port"));
    let open = "postgres://panel:pw@127.0.0.1/directory";
    assert!(fault_of("directory_url", open.into()).contains("directory_password"));
}

#[test]
fn what_is_offered_has_to_be_somewhere() {
    let (mut settings, secrets) = split_stack_info(info()).unwrap();
    settings["submission"] = Value::Null;
    let fault = read(settings, secrets).unwrap_err();
    assert!(fault.of("settings/submission").is_some(), "{fault}");
}

#[test]
fn a_secret_is_not_repeated_in_a_fault() {
    let (settings, mut secrets) = split_stack_info(info()).unwrap();
    secrets["doveadm_api_key"] = Value::Null;
    let fault = read(settings, secrets).unwrap_err();
    assert!(!fault.to_string().contains("secret"), "{fault}");
}
