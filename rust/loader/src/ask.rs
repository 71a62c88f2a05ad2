// SPDX-License-Identifier: Apache-2.0
//! The answers of an interpreter about itself. It is run once with `ask.py`, and its answer is kept in the
//! cache folder for as long as the program (and a virtual environment's `pyvenv.cfg`) stays the same file.
//! `find.rs` interprets the answer.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

pub(crate) const SCRIPT: &str = include_str!("ask.py");
const PATIENCE: Duration = Duration::from_secs(60);

/// The lines an interpreter answered, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer(Vec<(String, String)>);

impl Answer {
    /// Asks the interpreter, or the cache if it was asked before. The error says what happened.
    pub fn of(program: &Path, cache: Option<&Path>) -> Result<Answer, String> {
        let (key, kept) = match cache {
            Some(folder) => {
                let key = key(program);
                let name = format!("{:016x}", hash(&key));
                (key, Some(folder.join("interpreters").join(name)))
            }
            None => (String::new(), None),
        };
        if let Some(answer) = kept.as_deref().and_then(|file| read(file, &key)) {
            return Ok(answer);
        }
        let answer = ask(program)?;
        if let Some(file) = kept {
            // A cache that cannot be written costs time at the next start, nothing else.
            let _ = write(&file, &key, &answer);
        }
        Ok(answer)
    }

    /// The first value of a key, empty if there is none.
    pub fn get(&self, key: &str) -> &str {
        self.0
            .iter()
            .find(|(k, _)| k == key)
            .map_or("", |(_, value)| value)
    }

    /// All values of a key.
    pub fn all<'a>(&'a self, key: &'static str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(k, _)| k == key)
            .map(|(_, value)| value.as_str())
    }

    /// The lines `python4j:key=value` of a text, between whatever else the interpreter's own
    /// start-up prints;
    /// none if it is not whole.
    pub(crate) fn parse(text: &str) -> Option<Answer> {
        let lines: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("python4j:")?.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let whole = lines.last().is_some_and(|(key, _)| key == "end");
        whole.then_some(Answer(lines))
    }
}

fn ask(program: &Path) -> Result<Answer, String> {
    let (status, out, err) = run(program).map_err(|e| match e.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "it cannot be run: {e}. Make it executable (chmod +x), or, if its file system is mounted noexec, move it"
        ),
        io::ErrorKind::TimedOut => {
            format!("it did not answer within {} seconds and was stopped", PATIENCE.as_secs())
        }
        _ => format!("it cannot be run: {e}"),
    })?;
    match Answer::parse(&out) {
        Some(answer) => Ok(answer),
        None => {
            let said = if err.trim().is_empty() { out } else { err };
            let said: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
            let said = said[said.len().saturating_sub(10)..].join("\n    ");
            let home = std::env::var_os("PYTHONHOME").filter(|_| said.contains("encodings"));
            let advice = home.map_or(String::new(), |home| {
                format!(
                    " (PYTHONHOME is set to {}: it sends every Python there. Unset it)",
                    home.to_string_lossy()
                )
            });
            Err(format!(
                "asked about itself it ended with {status}{advice} and said: {said}"
            ))
        }
    }
}

fn run(program: &Path) -> io::Result<(ExitStatus, String, String)> {
    let mut child = spawn(program)?;
    let out = collect(child.stdout.take());
    let err = collect(child.stderr.take());
    let start = Instant::now();
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if start.elapsed() > PATIENCE => {
                child.kill()?;
                child.wait()?;
                return Err(io::ErrorKind::TimedOut.into());
            }
            None => thread::sleep(Duration::from_millis(1)),
        }
    };
    let text = |reader: thread::JoinHandle<Vec<u8>>| {
        String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
    };
    Ok((status, text(out), text(err)))
}

fn spawn(program: &Path) -> io::Result<Child> {
    let mut tries = 0;
    loop {
        let child = Command::new(program)
            .args(["-c", SCRIPT])
            .env_remove("PYTHONINSPECT")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        match child {
            // Somebody is still writing the file: an installer, or a fork of this process.
            Err(e) if e.kind() == io::ErrorKind::ExecutableFileBusy && tries < 50 => {
                tries += 1;
                thread::sleep(Duration::from_millis(10));
            }
            other => return other,
        }
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before a broken pipe is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// Everything an answer depends on: the script, the program, its `pyvenv.cfg` and the variables
/// that move an interpreter's paths.
fn key(program: &Path) -> String {
    let mut key = format!("{:016x}\n", hash(&SCRIPT));
    let real = fs::canonicalize(program).unwrap_or_default();
    let folder = program.parent().unwrap_or(Path::new(""));
    let venv = [folder.join("pyvenv.cfg"), folder.join("../pyvenv.cfg")];
    for file in [program, &real, &venv[0], &venv[1]] {
        key.push_str(&format!("{} {}\n", stamp(file), file.display()));
    }
    for name in [
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONNOUSERSITE",
        "PYTHONUSERBASE",
        "PYENV_VERSION",
        "HOME",
        "APPDATA", // where Windows has the packages of a user
    ] {
        key.push_str(&format!("{name}={:?}\n", std::env::var_os(name)));
    }
    key
}

/// Size and modification time of a file, for comparison.
fn stamp(file: &Path) -> String {
    let Ok(data) = fs::metadata(file) else {
        return "-".to_owned();
    };
    let time = data
        .modified()
        .ok()
        .and_then(|t| t.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    format!("{} {}", data.len(), time.as_nanos())
}

fn hash(text: &impl Hash) -> u64 {
    // Fixed keys: the same text gives the same name in the next process.
    let mut hasher = std::hash::DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

fn read(file: &Path, key: &str) -> Option<Answer> {
    Answer::parse(fs::read_to_string(file).ok()?.strip_prefix(key)?)
}

fn write(file: &Path, key: &str, answer: &Answer) -> io::Result<()> {
    make_folder(file.parent().unwrap_or(Path::new("")))?;
    let mut text = key.to_owned();
    for (name, value) in &answer.0 {
        text.push_str(&format!("python4j:{name}={value}\n"));
    }
    let aside = file.with_extension(format!("{}.tmp", std::process::id()));
    make_file(&aside)?.write_all(text.as_bytes())?;
    fs::rename(&aside, file)
}

/// A folder that nobody else can look into, whatever the umask says.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// The same for a file.
fn make_file(file: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create(true).truncate(true).open(file)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn noise_around_the_answer_is_passed_over() {
        let answer = Answer::parse(
            "hello\npython4j:version=3.12.1\npython4j:path=/a=b\nbye\npython4j:path=/c\npython4j:end=1\n",
        );
        let answer = answer.unwrap();
        assert_eq!(answer.get("version"), "3.12.1");
        assert_eq!(answer.all("path").collect::<Vec<_>>(), ["/a=b", "/c"]);
        assert_eq!(answer.get("none"), "");
    }

    #[test]
    fn an_answer_cut_short_is_none() {
        assert_eq!(Answer::parse("python4j:version=3.12.1\n"), None);
    }

    #[test]
    fn an_interpreter_is_asked_once_until_it_changes() {
        let scratch = Scratch::new();
        let count = scratch.path().join("count");
        let script = format!(
            "echo x >> {}; echo python4j:version=3.9.1; echo python4j:end=1",
            count.display()
        );
        let program = scratch.program("python3", &script);
        let asked = || fs::read_to_string(&count).unwrap().lines().count();

        let first = Answer::of(&program, Some(scratch.path())).unwrap();
        assert_eq!(Answer::of(&program, Some(scratch.path())).unwrap(), first);
        assert_eq!(asked(), 1);

        scratch.program("python3", &format!("{script} # another size"));
        Answer::of(&program, Some(scratch.path())).unwrap();
        assert_eq!(asked(), 2);
    }

    #[test]
    fn a_kept_answer_is_for_the_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = Scratch::new();
        let program = scratch.program("python3", "echo python4j:version=3.9.1; echo python4j:end=1");
        Answer::of(&program, Some(scratch.path())).unwrap();
        let folder = scratch.path().join("interpreters");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        let files: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|file| mode(&file.unwrap().path()))
            .collect();
        assert_eq!(files, [0o600]);
    }

    #[test]
    fn a_failing_interpreter_is_quoted() {
        let scratch = Scratch::new();
        let program = scratch.program("python3", "echo 'No module named encodings' >&2; exit 1");
        let error = Answer::of(&program, None).unwrap_err();
        assert!(
            error.contains("exit status: 1") && error.contains("No module named encodings"),
            "{error}"
        );
    }

    #[test]
    fn a_file_without_the_right_to_run_says_so() {
        let scratch = Scratch::new();
        let error = Answer::of(&scratch.file("python3", b"#!/bin/sh\n"), None).unwrap_err();
        assert!(error.contains("chmod +x"), "{error}");
    }
}
