//! What people read about a server that did not do what it was asked.
use std::time::Duration;

use crate::backends::ServerError;

/// What a mailbox or server waits for, and when it is tried again.
#[must_use]
pub fn waits(server: &str, error: &ServerError, again_in: Duration) -> String {
    let seconds = again_in.as_secs_f64().ceil();
    let what = match error {
        ServerError::Unreachable(_) => format!("{server} does not answer"),
        ServerError::Busy(why) => format!("{server} cannot do it at the moment ({why})"),
        ServerError::Refused(why) => format!("{server} refuses to work with the panel ({why})"),
    };
    format!("{what}; next try in {seconds} s.")
}

/// What a server refuses to do to one mailbox, and what to do about it.
#[must_use]
pub fn refused(server: &str, why: &str) -> String {
    let why = why.trim_end_matches('.');
    format!(
        "{server} refuses the change: {why}. Put that right on the server or in the mailbox; \
         then change the mailbox again or repair it."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_server_is_named_with_the_time_of_the_next_try() {
        let error = ServerError::Unreachable("connection refused".to_owned());
        let said = waits("mail-1", &error, Duration::from_millis(7600));
        assert_eq!(said, "mail-1 does not answer; next try in 8 s.");
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let said = refused("mail-1", "ann@acme.test belongs to another account there.");
        assert!(said.starts_with(
            "mail-1 refuses the change: ann@acme.test belongs to another account there. Put"
        ));
    }
}
