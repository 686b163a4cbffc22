//! Messages as files. A file has the name of its `Message-ID` and is there whole or not at all, so
//! that handing one over twice is handing it over once.
use std::path::PathBuf;

use tokio::fs;

use super::{Parcel, Trouble};

/// Where the files are.
#[derive(Debug, Clone)]
pub struct Folder(pub PathBuf);

impl Folder {
    pub(super) async fn has(&self, message_id: &str) -> bool {
        fs::try_exists(self.path(message_id)).await.unwrap_or(false)
    }

    pub(super) async fn put(&self, parcel: &Parcel) -> Result<String, Trouble> {
        let path = self.path(&parcel.message_id);
        let unfinished = path.with_extension("part");
        let written = async {
            fs::create_dir_all(&self.0).await?;
            fs::write(&unfinished, &parcel.bytes).await?;
            fs::rename(&unfinished, &path).await
        };
        match written.await {
            Ok(()) => Ok(format!("Written to {}", path.display())),
            Err(error) => Err(Trouble::Later(format!("{}: {error}", self.0.display()))),
        }
    }

    fn path(&self, message_id: &str) -> PathBuf {
        let name: String = message_id
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '@'))
            .collect();
        self.0.join(format!("{name}.eml"))
    }
}
