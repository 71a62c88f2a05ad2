// SPDX-License-Identifier: Apache-2.0
//! Finds one interpreter and its libpython from the user's choice: an executable, the folder of a virtual
//! environment, a version, or `auto`. An unusable choice is refused with a message that says what was tried and
//! what to do. `ask.rs` runs an interpreter, `binary.rs` reads the head of its file.

use crate::ask::Answer;
use crate::binary::Binary;
use crate::installed::{self, Place};
use crate::version::Version;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf, is_separator};

/// The oldest CPython whose stable ABI libpython4j is built against.
const OLDEST: (u32, u32) = (3, 9);

/// Where to look besides the choice itself.
#[derive(Debug, Default, Clone)]
pub struct Surroundings {
    /// `PATH`.
    pub path: Option<OsString>,
    /// `VIRTUAL_ENV`.
    pub virtual_env: Option<OsString>,
    /// `CONDA_PREFIX`.
    pub conda_prefix: Option<OsString>,
    /// `HOME`, on Windows `USERPROFILE` as a rule, for a leading `~/`.
    pub home: Option<OsString>,
    /// Where installers put what is not on `PATH`.
    pub places: Vec<Place>,
    /// The folder that keeps answers, if there is one.
    pub cache: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_this_process(cache: Option<PathBuf>) -> Surroundings {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let root = set("SystemDrive").map_or("/".into(), |mut drive| {
            drive.push("\\");
            PathBuf::from(drive)
        });
        Surroundings {
            path: set("PATH"),
            virtual_env: set("VIRTUAL_ENV"),
            conda_prefix: set("CONDA_PREFIX"),
            home: set("HOME").or_else(|| set("USERPROFILE").filter(|_| cfg!(windows))),
            places: installed::places(std::env::consts::OS, &root, set),
            cache,
        }
    }

    fn on_path(&self) -> impl Iterator<Item = PathBuf> {
        std::env::split_paths(self.path.as_deref().unwrap_or_default())
            .filter(|folder| !folder.as_os_str().is_empty())
            .collect::<Vec<_>>()
            .into_iter()
    }
}

/// An interpreter that can be used.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// What it calls `sys.executable`: the program name that gives an embedded start the same
    /// paths.
    pub executable: PathBuf,
    /// Its shared library.
    pub libpython: PathBuf,
    /// `3.12.1`.
    pub version: String,
    /// `sys.prefix`.
    pub prefix: String,
    /// How the choice led here.
    pub reason: String,
    /// The folder of its own numpy, if it has one.
    pub numpy: Option<PathBuf>,
    /// Files whose coming, going or changing makes this answer stale; none if it may be stale at
    /// once,
    /// because a script (a shim of pyenv's, say) led here.
    pub watch: Vec<PathBuf>,
}

impl Found {
    /// The answer as lines `key=value` for the caller in Java.
    pub fn text(&self) -> String {
        let mut lines = vec![
            format!("executable={}", self.executable.display()),
            format!("libpython={}", self.libpython.display()),
            format!("version={}", self.version),
            format!("prefix={}", self.prefix),
            format!("reason={}", self.reason),
        ];
        lines.extend(
            self.numpy
                .iter()
                .map(|folder| format!("numpy={}", folder.display())),
        );
        lines.extend(self.watch.iter().map(|file| format!("watch={}", file.display())));
        lines.join("\n")
    }
}

/// Finds the interpreter that a choice names. `auto` outside any environment finds `None`.
pub fn find(choice: &str, around: &Surroundings) -> Result<Option<Found>, String> {
    if choice.contains('\n') || choice.contains('\0') {
        return Err(format!(
            "{choice:?} names no interpreter: a path, a version like 3.12, or auto is expected"
        ));
    }
    if choice == "auto" {
        return active(around);
    }
    let below_home = choice
        .strip_prefix('~')
        .and_then(|rest| rest.strip_prefix(is_separator));
    let typed = match (below_home, &around.home) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => PathBuf::from(choice),
    };
    let found = if let Some(version) = Version::parse(choice) {
        by_version(&version, around)
    } else if typed.is_dir() {
        at(&in_folder(&typed)?, around)
            .map(|found| found.because(format!("the environment {}", typed.display())))
    } else if typed.components().count() > 1 || typed.exists() {
        at(&typed, around)
    } else {
        by_name(choice, around)
    };
    found.map(Some)
}

fn active(around: &Surroundings) -> Result<Option<Found>, String> {
    for (name, value) in [
        ("VIRTUAL_ENV", &around.virtual_env),
        ("CONDA_PREFIX", &around.conda_prefix),
    ] {
        if let Some(folder) = value {
            let folder = Path::new(folder);
            return in_folder(folder)
                .and_then(|program| at(&program, around))
                .map(|found| Some(found.because(format!("{name} is active: {}", folder.display()))))
                .map_err(|why| format!("{name} is {}, but: {why}", folder.display()));
        }
    }
    Ok(None)
}

/// Whether a program is there. The names of programs that the Microsoft Store puts on PATH cannot be opened, only run.
fn is_program(path: &Path) -> bool {
    path.is_file() || cfg!(windows) && path.symlink_metadata().is_ok_and(|data| data.is_file())
}

/// The interpreter of an environment's folder: venv, virtualenv, uv, conda or a plain installation.
fn in_folder(folder: &Path) -> Result<PathBuf, String> {
    let names = ["bin/python3", "bin/python", "Scripts/python.exe", "python.exe"];
    let config = folder.join("pyvenv.cfg");
    for name in names {
        let program = folder.join(name);
        if program.is_file() {
            return Ok(program);
        }
        if let Ok(target) = program.read_link() {
            let home = std::fs::read_to_string(&config).unwrap_or_default();
            let home = home
                .lines()
                .find_map(|line| line.strip_prefix("home")?.trim_start().strip_prefix('='));
            return Err(format!(
                "the virtual environment {} is broken: {name} points to {}, which is not there{}. \
                 The Python it was made from was moved or removed: install that again, or make the environment anew \
                 (python3 -m venv --clear {})",
                folder.display(),
                target.display(),
                home.map(|home| format!(" (pyvenv.cfg: home ={home})"))
                    .unwrap_or_default(),
                folder.display()
            ));
        }
    }
    let what = if config.is_file() {
        "the virtual environment is broken"
    } else {
        "it is no Python environment"
    };
    Err(format!(
        "{}: {what}: there is none of {} in it",
        folder.display(),
        names.join(", ")
    ))
}

fn by_name(name: &str, around: &Surroundings) -> Result<Found, String> {
    let names: &[String] = &[name.to_owned(), format!("{name}.exe")];
    let names = if cfg!(windows) { names } else { &names[..1] };
    let mut passed = Vec::new();
    for folder in around.on_path() {
        for program in names.iter().map(|name| folder.join(name)) {
            if is_program(&program) {
                let found = at(&program, around)?;
                return Ok(found
                    .because(format!("{name} on PATH: {}", program.display()))
                    .after(passed));
            }
            passed.push(program);
        }
    }
    Err(format!(
        "there is no program {name} on PATH ({}) and no file or folder of that name here. \
         Give the path of an interpreter or of a virtual environment, a version like 3.12, auto or embedded",
        shown(around)
    ))
}

fn by_version(version: &Version, around: &Surroundings) -> Result<Found, String> {
    let mut met = BTreeSet::new();
    let mut refused = Vec::new();
    let mut passed = Vec::new();
    let on_path = around.on_path().flat_map(|folder| candidates(version, &folder));
    let active = [&around.virtual_env, &around.conda_prefix].into_iter().flatten();
    let active = active.filter_map(|folder| in_folder(Path::new(folder)).ok());
    let scratch = around.cache.clone().unwrap_or_else(std::env::temp_dir);
    let registered = std::iter::once_with(|| installed::registered(version, &scratch)).flatten();
    let installed = around.places.iter().flat_map(|place| place.programs(version));
    let all = (on_path.map(|program| ("on PATH", program)))
        .chain(active.map(|program| ("of the active environment", program)))
        .chain(registered.map(|program| ("in the registry", program)))
        .chain(installed.map(|program| ("installed", program)));
    for (how, program) in all {
        let real = program.canonicalize().unwrap_or_else(|_| program.clone());
        passed.push(program.clone());
        // One file under several names answers once; a shim stands for another one under each name.
        if !is_program(&program) || (!is_script(&real) && !met.insert(real)) {
            continue;
        }
        match at(&program, around) {
            Ok(found) if version.covers(&found.version) => {
                return Ok(found
                    .because(format!("version {version} {how}: {}", program.display()))
                    .after(passed));
            }
            Ok(found) => refused.push(format!("{} is {}", program.display(), found.version)),
            Err(why) => refused.push(why),
        }
    }
    let refused: String = refused.iter().map(|why| format!("\n  - {why}")).collect();
    let places: Vec<_> = around
        .places
        .iter()
        .map(|place| place.folder.display().to_string())
        .collect();
    Err(format!(
        "no usable CPython {version} on PATH ({}), and none where installers put one ({}). {}Install one with a shared \
         library, or give its path",
        shown(around),
        places.join(", "),
        if refused.is_empty() {
            String::new()
        } else {
            format!("Looked at:{refused}\n")
        }
    ))
}

fn shown(around: &Surroundings) -> String {
    around
        .path
        .as_deref()
        .map_or("not set".into(), |path| path.to_string_lossy().into_owned())
}

fn is_script(path: &Path) -> bool {
    matches!(Binary::read(path), Ok(Binary::Script))
}

/// Programs of a folder on PATH that may be this version, the likeliest first. Behind pyenv's shims, which
/// only know the versions that are switched on, the installed ones are looked at directly.
fn candidates(version: &Version, folder: &Path) -> Vec<PathBuf> {
    let mut names = vec!["python3".to_owned(), "python".to_owned()];
    if let [major, minor, ..] = version.0[..] {
        names.insert(0, format!("python{major}.{minor}"));
        names.push(format!("Python{major}{minor}/python"));
    }
    let suffix = std::env::consts::EXE_SUFFIX;
    let mut found: Vec<_> = names
        .iter()
        .map(|name| folder.join(format!("{name}{suffix}")))
        .collect();
    if folder.file_name().is_some_and(|name| name == "shims") {
        // pyenv's, and pyenv-win's
        found.extend(["bin/python3", "python.exe"].iter().flat_map(|program| {
            let folder = folder.with_file_name("versions");
            Place {
                folder,
                prefix: "",
                program: Some(program),
            }
            .programs(version)
        }));
    }
    found
}

/// Asks one program and checks that what it says can be used.
fn at(program: &Path, around: &Surroundings) -> Result<Found, String> {
    let refuse = |why: String| format!("{} cannot be used: {why}", program.display());
    let absolute = std::path::absolute(program).map_err(|e| refuse(e.to_string()))?;
    let binary = Binary::read(&absolute).map_err(|e| refuse(format!("it cannot be read: {e}")))?;
    if let Some(why) = binary.refusal() {
        return Err(refuse(why));
    }
    let script = binary == Binary::Script;
    let cache = around.cache.as_deref().filter(|_| !script);
    let answer = Answer::of(&absolute, cache).map_err(|why| match broken(&binary) {
        Some(cause) => refuse(format!("{why} ({cause})")),
        None => refuse(why),
    })?;
    let mut found = judge(&answer, &absolute).map_err(refuse)?;
    if script {
        found.watch.clear();
    }
    Ok(found)
}

/// The usual cause when a program that is there "is not found".
fn broken(binary: &Binary) -> Option<String> {
    match binary {
        Binary::Elf {
            interpreter: Some(ld),
            ..
        } if !Path::new(ld).exists() => Some(format!("its C library's loader {ld} is not on this machine")),
        _ => None,
    }
}

fn judge(answer: &Answer, program: &Path) -> Result<Found, String> {
    let version = answer.get("version");
    let numbers = Version::parse(version).ok_or_else(|| format!("it calls its version {version:?}"))?;
    if numbers.0[..2] < [OLDEST.0, OLDEST.1][..] {
        return Err(format!(
            "it is Python {version}, which is too old; CPython {}.{} or newer is needed",
            OLDEST.0, OLDEST.1
        ));
    }
    if answer.get("implementation") != "cpython" {
        return Err(format!(
            "it is {} {version}, not CPython",
            answer.get("implementation")
        ));
    }
    if answer.get("free_threaded") == "1" {
        return Err(format!(
            "it is a free-threaded build of CPython {version}, which has another binary interface and no GIL to take; \
             choose the ordinary build of the same version (python{}.{})",
            numbers.0[0], numbers.0[1]
        ));
    }
    if answer.get("bits") != "64" {
        return Err("it is a 32-bit build; this JVM needs a 64-bit one".into());
    }
    let executable = match answer.get("executable") {
        "" => return Err("it does not know its own path (sys.executable is empty)".into()),
        path => PathBuf::from(path),
    };
    let libpython = libpython(answer, &executable, &numbers)?;
    let (numpy, mut watch) = numpy(answer);
    let venv = Path::new(answer.get("prefix")).join("pyvenv.cfg");
    watch.extend([program.to_owned(), executable.clone(), libpython.clone(), venv]);
    watch.dedup();
    Ok(Found {
        executable,
        libpython,
        version: version.to_owned(),
        prefix: answer.get("prefix").to_owned(),
        reason: format!("the executable {}", program.display()),
        numpy,
        watch,
    })
}

/// The shared library: the one the program itself runs on, else one of the right name where its
/// configuration and its layout (Debian, conda, uv, macOS, Windows) put it.
fn libpython(answer: &Answer, executable: &Path, version: &Version) -> Result<PathBuf, String> {
    let mapped = answer.get("mapped");
    if !mapped.is_empty() {
        return Ok(mapped.into());
    }
    let name = format!("{}.{}", version.0[0], version.0[1]);
    let looked = places(answer);
    let mut unusable = Vec::new();
    for path in looked.iter().filter(|path| path.is_file()) {
        match Binary::read(path).map(|binary| binary.refusal()) {
            Ok(None) => return Ok(path.clone()),
            Ok(Some(why)) => unusable.push(format!("{}: {why}", path.display())),
            Err(e) => unusable.push(format!("{}: {e}", path.display())),
        }
    }
    if !unusable.is_empty() {
        return Err(format!(
            "its shared library cannot be used: {}",
            unusable.join("; ")
        ));
    }
    let folders: BTreeSet<_> = looked
        .iter()
        .filter_map(|path| path.parent())
        .map(Path::to_owned)
        .collect();
    let folders: Vec<_> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    let names: BTreeSet<_> = answer.all("name").filter(|file| !file.ends_with(".a")).collect();
    let names: Vec<_> = names.into_iter().collect();
    Err(format!(
        "it has no shared libpython, so it cannot run inside a JVM. Looked for {} in {}. {}",
        names.join(", "),
        folders.join(", "),
        advice(executable, answer.get("base_prefix"), &name)
    ))
}

/// Where the shared library may be, the likeliest place first.
pub(crate) fn places(answer: &Answer) -> Vec<PathBuf> {
    let mut places = Vec::new();
    for folder in answer.all("folder") {
        for file in answer.all("name").filter(|file| !file.ends_with(".a")) {
            let path = Path::new(folder).join(file);
            if !places.contains(&path) {
                places.push(path);
            }
        }
    }
    places
}

fn advice(executable: &Path, base: &str, version: &str) -> String {
    if base.contains("/.pyenv/") || base.contains("/pyenv/") {
        format!(
            "Build it again with one: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install --force {}",
            Path::new(base).file_name().unwrap_or_default().to_string_lossy()
        )
    } else if executable.starts_with("/usr/bin") {
        format!(
            "Install the package that has it (Debian, Ubuntu: libpython{version}; Fedora, RHEL: python{version}-libs)"
        )
    } else if executable.extension().is_some_and(|extension| extension == "exe") {
        // What the Store installs, Windows may show to the programs of the Store alone.
        format!("Install CPython {version} from python.org, or by uv or conda, and choose that one")
    } else {
        "Build it with ./configure --enable-shared, or choose another interpreter".into()
    }
}

/// The interpreter's own numpy, and the files that would show that this changed.
fn numpy(answer: &Answer) -> (Option<PathBuf>, Vec<PathBuf>) {
    let mut watch = Vec::new();
    for folder in answer.all("path").map(Path::new) {
        let package = folder.join("numpy/__init__.py");
        let there = package.is_file();
        watch.push(package);
        if there {
            return (Some(folder.into()), watch);
        }
    }
    (None, watch)
}

impl Found {
    fn because(self, reason: String) -> Found {
        Found { reason, ..self }
    }

    /// Found after these files were looked at, or looked for, in vain.
    fn after(mut self, passed: Vec<PathBuf>) -> Found {
        if !self.watch.is_empty() {
            self.watch.extend(passed);
        }
        self
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::os::unix::fs::symlink;

    /// A program that answers like a CPython whose libpython lies in `lib`.
    struct Fake {
        scratch: Scratch,
        lines: Vec<String>,
    }

    impl Fake {
        fn new() -> Fake {
            let scratch = Scratch::new();
            let root = scratch.path().display().to_string();
            scratch.file("lib/libpython3.12.so.1.0", b"not read: no ELF");
            let lines = [
                "version=3.12.1".to_owned(),
                "implementation=cpython".into(),
                "bits=64".into(),
                "free_threaded=0".into(),
                format!("executable={root}/bin/python3"),
                format!("prefix={root}"),
                format!("base_prefix={root}"),
                format!("folder={root}/nowhere"),
                format!("folder={root}/lib"),
                "name=libpython3.12.a".into(),
                "name=libpython3.12.so.1.0".into(),
                format!("path={root}/site"),
            ];
            Fake {
                scratch,
                lines: lines.into(),
            }
        }

        fn with(mut self, key: &str, value: &str) -> Fake {
            self.lines.retain(|line| !line.starts_with(&format!("{key}=")));
            self.lines.push(format!("{key}={value}"));
            self
        }

        fn program(&self, name: &str) -> PathBuf {
            let says: Vec<_> = self
                .lines
                .iter()
                .map(|line| format!("echo 'python4j:{line}'"))
                .collect();
            self.scratch
                .program(name, &format!("{}; echo python4j:end=1", says.join("\n")))
        }

        fn at(&self, name: &str) -> PathBuf {
            self.scratch.path().join(name)
        }

        fn find(&self, choice: &str) -> Result<Found, String> {
            let around = Surroundings {
                path: Some(self.at("bin").into()),
                ..Surroundings::default()
            };
            find(choice, &around).map(|found| found.expect("only auto finds nothing"))
        }

        fn refusal(&self) -> String {
            let program = self.program("bin/python3");
            let error = self.find(program.to_str().unwrap()).unwrap_err();
            assert!(
                error.contains(program.to_str().unwrap()),
                "names what it looked at: {error}"
            );
            error
        }
    }

    #[test]
    fn an_executable_gives_its_library_and_its_reason() {
        let fake = Fake::new();
        let program = fake.program("bin/python3");
        let found = fake.find(program.to_str().unwrap()).unwrap();
        assert_eq!(found.libpython, fake.at("lib/libpython3.12.so.1.0"));
        assert_eq!(found.executable, program);
        assert_eq!(found.reason, format!("the executable {}", program.display()));
        assert_eq!(found.numpy, None);
        assert_eq!(
            found.watch,
            <[PathBuf; 0]>::default(),
            "a script may stand for another one tomorrow"
        );
        assert!(
            found
                .text()
                .starts_with(&format!("executable={}\n", program.display()))
        );
    }

    #[test]
    fn what_an_answer_rests_on_is_watched() {
        let fake = Fake::new();
        let lines: Vec<_> = fake
            .lines
            .iter()
            .map(|line| format!("python4j:{line}\n"))
            .collect();
        let answer = Answer::parse(&(lines.concat() + "python4j:end=1\n")).unwrap();
        let found = judge(&answer, &fake.at("bin/python3"))
            .unwrap()
            .after(vec![fake.at("first/python3")]);
        for file in [
            "site/numpy/__init__.py",
            "lib/libpython3.12.so.1.0",
            "bin/python3",
            "pyvenv.cfg",
            "first/python3",
        ] {
            assert!(found.watch.contains(&fake.at(file)), "{file}");
        }
    }

    #[test]
    fn the_library_that_the_program_runs_on_comes_first() {
        let fake = Fake::new().with("mapped", "/opt/lib/libpython3.12.so.1.0");
        let program = fake.program("bin/python3");
        let found = fake.find(program.to_str().unwrap()).unwrap();
        assert_eq!(found.libpython, Path::new("/opt/lib/libpython3.12.so.1.0"));
    }

    #[test]
    fn its_own_numpy_is_seen() {
        let fake = Fake::new();
        fake.scratch.file("site/numpy/__init__.py", b"");
        let program = fake.program("bin/python3");
        assert_eq!(
            fake.find(program.to_str().unwrap()).unwrap().numpy,
            Some(fake.at("site"))
        );
    }

    #[test]
    fn a_version_is_looked_up_on_path() {
        let fake = Fake::new();
        fake.program("bin/python3.12");
        for version in ["3.12", "3.12.1", "3"] {
            let asked = if version == "3" {
                "bin/python3"
            } else {
                "bin/python3.12"
            };
            fake.program(asked);
            let reason = fake.find(version).unwrap().reason;
            assert_eq!(
                reason,
                format!("version {version} on PATH: {}", fake.at(asked).display())
            );
        }
    }

    #[test]
    fn a_version_that_is_not_there_lists_what_is() {
        let fake = Fake::new();
        let program = fake.program("bin/python3");
        let error = fake.find("3.11").unwrap_err();
        assert!(error.contains("no usable CPython 3.11 on PATH"), "{error}");
        assert!(
            error.contains(&format!("{} is 3.12.1", program.display())),
            "{error}"
        );
    }

    #[test]
    fn versions_behind_shims_are_found() {
        let fake = Fake::new();
        fake.scratch.program(
            "pyenv/shims/python3.12",
            "echo 'pyenv: python3.12: command not found' >&2; exit 127",
        );
        let around = Surroundings {
            path: Some(fake.at("pyenv/shims").into()),
            ..Surroundings::default()
        };
        for name in ["python.exe", "bin/python3"] {
            let program = fake.program(&format!("pyenv/versions/3.12.1/{name}"));
            let found = find("3.12", &around).unwrap().unwrap();
            assert!(
                found.reason.ends_with(program.to_str().unwrap()),
                "{}",
                found.reason
            );
        }
    }

    #[test]
    fn a_version_is_found_where_installers_and_environments_have_it() {
        let fake = Fake::new();
        let place = Place {
            folder: fake.at("uv"),
            prefix: "cpython-",
            program: Some("bin/pythonN.M"),
        };
        let mut around = Surroundings {
            path: Some(fake.at("bin").into()),
            places: vec![place],
            ..Surroundings::default()
        };
        let error = find("3.12", &around).unwrap_err();
        assert!(
            error.contains(&format!("where installers put one ({})", fake.at("uv").display())),
            "{error}"
        );
        let reason = |around: &Surroundings| find("3.12", around).unwrap().unwrap().reason;
        let program = fake.program("uv/cpython-3.12.1-linux-x86_64-gnu/bin/python3.12");
        assert_eq!(
            reason(&around),
            format!("version 3.12 installed: {}", program.display())
        );
        let program = fake.program("conda/bin/python3");
        around.conda_prefix = Some(fake.at("conda").into());
        assert_eq!(
            reason(&around),
            format!("version 3.12 of the active environment: {}", program.display())
        );
        let program = fake.program("bin/python3");
        assert_eq!(
            reason(&around),
            format!("version 3.12 on PATH: {}", program.display())
        );
    }

    #[test]
    fn a_name_is_looked_up_on_path() {
        let fake = Fake::new();
        let program = fake.program("bin/mypython");
        let reason = fake.find("mypython").unwrap().reason;
        assert_eq!(reason, format!("mypython on PATH: {}", program.display()));
        let error = fake.find("nopython").unwrap_err();
        assert!(error.contains("no program nopython on PATH"), "{error}");
    }

    #[test]
    fn auto_takes_the_active_environment_or_none() {
        let fake = Fake::new();
        fake.program("env/bin/python");
        let mut around = Surroundings::default();
        assert_eq!(find("auto", &around), Ok(None));
        around.conda_prefix = Some(fake.at("env").into());
        let reason = find("auto", &around).unwrap().unwrap().reason;
        assert_eq!(
            reason,
            format!("CONDA_PREFIX is active: {}", fake.at("env").display())
        );
        around.virtual_env = Some(fake.at("gone").into());
        let error = find("auto", &around).unwrap_err();
        assert!(
            error.contains("VIRTUAL_ENV is") && error.contains("no Python environment"),
            "{error}"
        );
    }

    #[test]
    fn the_folders_of_an_environment_on_windows_are_known() {
        for (folder, program) in [("venv", "venv/Scripts/python.exe"), ("conda", "conda/python.exe")] {
            let fake = Fake::new();
            fake.program(program);
            fake.scratch
                .file("venv/pyvenv.cfg", b"home = C:\\Python312\r\nversion = 3.12.1\r\n");
            let reason = fake.find(fake.at(folder).to_str().unwrap()).unwrap().reason;
            assert_eq!(reason, format!("the environment {}", fake.at(folder).display()));
        }
    }

    #[test]
    fn an_answer_with_windows_ends_of_lines_is_read() {
        let answer = Answer::parse(
            "python4j:version=3.12.1\r\npython4j:executable=C:\\Python 312\\python.exe\r\npython4j:end=1\r\n",
        );
        assert_eq!(answer.unwrap().get("executable"), "C:\\Python 312\\python.exe");
    }

    #[test]
    fn a_home_with_a_tilde_is_the_users() {
        let fake = Fake::new();
        fake.program("my env/bin/python3");
        let around = Surroundings {
            home: Some(fake.at("").into()),
            ..Surroundings::default()
        };
        let found = find("~/my env", &around).unwrap().unwrap();
        assert_eq!(
            found.reason,
            format!("the environment {}", fake.at("my env").display())
        );
    }

    #[test]
    fn a_broken_environment_tells_what_is_missing() {
        let fake = Fake::new();
        fake.scratch
            .file("env/pyvenv.cfg", b"home = /opt/python3.10/bin\n");
        std::fs::create_dir_all(fake.at("env/bin")).unwrap();
        let folder = fake.at("env");
        let error = fake.find(folder.to_str().unwrap()).unwrap_err();
        assert!(error.contains("virtual environment is broken"), "{error}");

        symlink("/opt/python3.10/bin/python3.10", fake.at("env/bin/python3")).unwrap();
        let error = fake.find(folder.to_str().unwrap()).unwrap_err();
        assert!(
            error.contains("bin/python3 points to /opt/python3.10/bin/python3.10"),
            "{error}"
        );
        assert!(
            error.contains("home = /opt/python3.10/bin") && error.contains("venv --clear"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_no_program() {
        let error = Fake::new().find("/no/such/python").unwrap_err();
        assert!(
            error.contains("/no/such/python cannot be used: it cannot be read: No such file"),
            "{error}"
        );
    }

    #[test]
    fn too_old_is_refused() {
        assert!(
            Fake::new()
                .with("version", "3.8.18")
                .refusal()
                .contains("Python 3.8.18, which is too old")
        );
        assert!(
            Fake::new()
                .with("version", "2.7.18")
                .refusal()
                .contains("3.9 or newer")
        );
    }

    #[test]
    fn another_implementation_is_refused() {
        assert!(
            Fake::new()
                .with("implementation", "pypy")
                .refusal()
                .contains("pypy 3.12.1, not CPython")
        );
    }

    #[test]
    fn a_free_threaded_build_is_refused() {
        assert!(
            Fake::new()
                .with("free_threaded", "1")
                .refusal()
                .contains("free-threaded build")
        );
    }

    #[test]
    fn a_32_bit_build_is_refused() {
        assert!(Fake::new().with("bits", "32").refusal().contains("32-bit"));
    }

    #[test]
    fn a_build_without_a_library_is_refused_with_advice() {
        let fake = Fake::new();
        std::fs::remove_file(fake.at("lib/libpython3.12.so.1.0")).unwrap();
        let error = fake.refusal();
        assert!(error.contains("no shared libpython"), "{error}");
        assert!(
            error.contains("libpython3.12.so.1.0 in ") && error.contains("/nowhere"),
            "{error}"
        );
        assert!(error.contains("--enable-shared"), "{error}");

        let fake = fake.with("base_prefix", "/home/me/.pyenv/versions/3.12.1");
        assert!(fake.refusal().contains("pyenv install --force 3.12.1"));

        let store = Fake::new()
            .with(
                "executable",
                "C:\\Users\\me\\AppData\\Local\\Microsoft\\WindowsApps\\python.exe",
            )
            .with("folder", "C:\\Program Files\\WindowsApps");
        assert!(store.refusal().contains("Install CPython 3.12 from python.org"));
    }

    #[test]
    fn a_library_for_another_processor_is_refused() {
        let fake = Fake::new();
        let mut arm = vec![0u8; 64];
        arm[..6].copy_from_slice(b"\x7fELF\x01\x01");
        arm[18] = 40;
        fake.scratch.file("lib/libpython3.12.so.1.0", &arm);
        let error = fake.refusal();
        assert!(
            error.contains("its shared library cannot be used") && error.contains("built for arm"),
            "{error}"
        );
    }
}
