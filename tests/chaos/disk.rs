//! The disk that holds the mail: a small one of our own, which can be filled to the last byte.
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::fate::Blow;
use crate::stack::Stack;

/// Large enough for what a scenario delivers, small enough to be filled in no time.
const SIZE: &str = "size=192m,mode=770";

/// A small file system over the stack's folder of mail, until it is dropped.
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Mounts it; mailboxes that were there before are hidden.
    pub fn over(stack: &Stack) -> Self {
        let folder = stack.mail();
        let (user, group) = owner(&folder);
        let options = format!("{SIZE},uid={user},gid={group}");
        run("mount", &["-t", "tmpfs", "-o", &options, "chaos"], &folder);
        Self { folder }
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join(".ballast")
    }
}

impl Blow for Disk {
    fn name(&self) -> String {
        "times that the disk was full".to_owned()
    }

    fn down(&self) {
        let mut ballast = File::create(self.ballast()).expect("a file on the small disk");
        let (mut piece, zeros) = (1 << 20, vec![0; 1 << 20]);
        // Down to the last byte: large pieces first.
        while piece > 0 {
            if ballast.write_all(&zeros[..piece]).is_err() {
                piece /= 2;
            }
        }
    }

    fn up(&self) {
        let _ = std::fs::remove_file(self.ballast());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the mail server still has files open there.
        run("umount", &["-l"], &self.folder);
    }
}

fn owner(folder: &Path) -> (u32, u32) {
    use std::os::unix::fs::MetadataExt as _;
    let meta = std::fs::metadata(folder).expect("the folder of mail");
    (meta.uid(), meta.gid())
}

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let done = Command::new(program)
        .args(arguments)
        .arg(folder)
        .stdin(Stdio::null())
        .status();
    assert!(done.expect(program).success(), "{program} {arguments:?}");
}
