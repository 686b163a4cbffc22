//! The sealing key: from the settings, or from a file that is made at the first need.
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Context;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use pilothouse::store::seal::Key;
use secrecy::{ExposeSecret, SecretString};

use super::Secrets;

impl Secrets {
    /// The key. Two processes that start together end up with the same one.
    pub fn sealing_key(&self) -> anyhow::Result<Key> {
        if let Some(key) = &self.key {
            return read("secrets.key", key);
        }
        let file = &self.key_file;
        let name = format!("secrets.key_file {}", file.display());
        self.make_file().with_context(|| name.clone())?;
        let text = std::fs::read_to_string(file).with_context(|| name.clone())?;
        read(&name, &text.into())
    }

    /// Written beside its place and linked there, so that nobody reads half a key.
    fn make_file(&self) -> std::io::Result<()> {
        let file = &self.key_file;
        if file.exists() {
            return Ok(());
        }
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let draft = file.with_extension(format!("draft-{}", std::process::id()));
        let key: [u8; 32] = rand::random();
        let mut to = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        writeln!(to, "{}", BASE64_STANDARD.encode(key))?;
        to.sync_all()?;
        let linked = std::fs::hard_link(&draft, file);
        std::fs::remove_file(&draft)?;
        match linked {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    }
}

fn read(name: &str, text: &SecretString) -> anyhow::Result<Key> {
    let bytes = BASE64_STANDARD.decode(text.expose_secret().trim());
    let bytes: Option<[u8; 32]> = bytes.ok().and_then(|bytes| bytes.try_into().ok());
    let bytes = bytes.with_context(|| {
        format!("{name}: this is not 32 bytes in base64. Make a key by “openssl rand -base64 32”.")
    })?;
    Ok(Key::from_bytes(bytes))
}
