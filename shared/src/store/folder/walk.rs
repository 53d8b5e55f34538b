//! Listing a folder tree the way S3 lists keys: in byte order of the whole key, from any prefix,
//! visiting only the folders that can hold what is asked for.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

use super::super::{ListPage, ObjectMeta};
use super::meta::object_meta;

/// One page of the keys under `root` that begin with `prefix`, which has been checked, and sort
/// after `after`.
pub(super) fn list(
    root: &Path,
    prefix: &str,
    after: Option<&str>,
    page_objects: usize,
) -> io::Result<ListPage> {
    let mut walk = Walk {
        prefix,
        after,
        wanted: page_objects + 1,
        found: Vec::new(),
    };
    walk.start(root)?;
    let more = walk.found.len() > page_objects;
    walk.found.truncate(page_objects);
    let next = walk
        .found
        .last()
        .filter(|_| more)
        .map(|last| last.key.clone());
    Ok(ListPage {
        objects: walk.found,
        next,
    })
}

struct Walk<'a> {
    prefix: &'a str,
    after: Option<&'a str>,
    wanted: usize,
    found: Vec<ObjectMeta>,
}

impl Walk<'_> {
    /// Begins at the deepest folder that holds all of the prefix's keys.
    fn start(&mut self, root: &Path) -> io::Result<()> {
        let Some((folder, _)) = self.prefix.rsplit_once('/') else {
            return self.visit(root, "");
        };
        self.visit(&root.join(folder), &format!("{folder}/"))
    }

    /// Visits a folder, whose keys begin with `folder_key`. Removed meanwhile, it holds nothing.
    fn visit(&mut self, dir: &Path, folder_key: &str) -> io::Result<()> {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut wanted = Vec::new();
        for entry in entries {
            let entry = entry?;
            if let Some(key) = key_of(&entry, folder_key)?.filter(|key| self.wants(key)) {
                wanted.push((key, entry.path()));
            }
        }
        // A folder's key ends in a slash, so it sorts where its contents do.
        wanted.sort_unstable();
        for (key, path) in wanted {
            if self.found.len() >= self.wanted {
                break;
            }
            if key.ends_with('/') {
                self.visit(&path, &key)?;
            } else {
                self.take(key, &path)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, key: String, path: &Path) -> io::Result<()> {
        match fs::metadata(path).and_then(|meta| object_meta(&key, &meta)) {
            Ok(meta) => self.found.push(meta),
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Whether an object is asked for or, for a key that ends in a slash, whether something in
    /// that folder may be.
    fn wants(&self, key: &str) -> bool {
        let is_folder = key.ends_with('/');
        let in_prefix = key.starts_with(self.prefix) || is_folder && self.prefix.starts_with(key);
        let is_later = self
            .after
            .is_none_or(|after| key > after || is_folder && after.starts_with(key));
        in_prefix && is_later
    }
}

/// The key of an object, or of a folder, with a slash at its end. Names that no key can have
/// (hidden, not UTF-8, links) are none.
fn key_of(entry: &DirEntry, folder_key: &str) -> io::Result<Option<String>> {
    let kind = entry.file_type()?;
    let name = entry.file_name();
    let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
        return Ok(None);
    };
    if kind.is_dir() {
        Ok(Some(format!("{folder_key}{name}/")))
    } else if kind.is_file() {
        Ok(Some(format!("{folder_key}{name}")))
    } else {
        Ok(None)
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
