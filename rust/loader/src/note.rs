// SPDX-License-Identifier: Apache-2.0
//! Checks whether the files that an earlier start depended on are unchanged. Java's `StartNote` writes the
//! lines. It could also read them, but not within a tenth of a millisecond.

use std::fs;
use std::time::UNIX_EPOCH;

/// Whether every line `file=<length> <seconds since 1970>/<path>` is true; zeros stand for a file that is
/// not there. The layers of container images keep whole seconds only.
pub fn unchanged(lines: &str) -> bool {
    lines.lines().all(|line| is_true(line).unwrap_or(false))
}

fn is_true(line: &str) -> Option<bool> {
    let (state, path) = line.strip_prefix("file=")?.split_once('/')?;
    let (length, modified) = state.split_once(' ')?;
    let kept: (u64, u64) = (length.parse().ok()?, modified.parse().ok()?);
    let found = match fs::metadata(path) {
        Ok(file) => {
            let modified = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
            (file.len(), modified.as_secs())
        }
        Err(_) => (0, 0),
    };
    Some(found == kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn state(path: &std::path::Path) -> String {
        let file = fs::metadata(path).unwrap();
        let modified = file.modified().unwrap().duration_since(UNIX_EPOCH).unwrap();
        format!("file={} {}/{}\n", file.len(), modified.as_secs(), path.display())
    }

    #[test]
    fn a_line_is_true_until_its_file_changes() {
        let scratch = Scratch::new();
        let file = scratch.file("a b/c", b"12345");
        let absent = format!("file=0 0/{}\n", scratch.path().join("absent").display());
        let lines = state(&file) + &absent;
        assert!(lines.starts_with("file=5 "));
        assert!(unchanged(&lines));
        let seconds = fs::metadata(&file).unwrap().modified().unwrap();
        let seconds = seconds.duration_since(UNIX_EPOCH).unwrap().as_secs();
        let whole = UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        fs::File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_modified(whole)
            .unwrap();
        assert!(unchanged(&lines), "an image layer cut the time");
        fs::write(&file, b"123456").unwrap();
        assert!(!unchanged(&lines));
        let lines = state(&file) + &absent;
        assert!(unchanged(&lines));
        scratch.file("absent", b"");
        assert!(!unchanged(&lines), "a file appeared");
    }

    #[test]
    fn what_is_no_line_is_not_true() {
        for line in ["end", "file=", "file=1/x", "file=x y/z", "own=0 0//absent"] {
            assert!(!unchanged(line), "{line}");
        }
        assert!(unchanged(""));
    }
}
