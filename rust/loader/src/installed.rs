// SPDX-License-Identifier: Apache-2.0
//! Where installers put a CPython that is not on `PATH`. `find.rs` comes here for a version that is not there, and asks
//! each program that it gets: one too many costs time and nothing else.

use crate::version::Version;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder with an entry for each version.
#[derive(Debug, Clone)]
pub struct Place {
    /// The folder, which need not be there.
    pub folder: PathBuf,
    /// What stands before the version in the name of an entry.
    pub prefix: &'static str,
    /// The program in an entry, with `N.M` for the version; none if the entry is the program.
    pub program: Option<&'static str>,
}

impl Place {
    /// The programs here that may be this version, the newest first.
    pub fn programs(&self, wanted: &Version) -> Vec<PathBuf> {
        let entries = self.folder.read_dir().into_iter().flatten().flatten();
        let mut found: Vec<_> = entries
            .filter_map(|entry| {
                let name = entry.file_name();
                let version = Version::in_name(name.to_str()?.strip_prefix(self.prefix)?)?;
                version.fits(wanted).then(|| (version, entry.path()))
            })
            .collect();
        found.sort_by(|a, b| b.cmp(a));
        let program = |(version, entry): (Version, PathBuf)| match (self.program, &version.0[..]) {
            (None, _) => entry,
            (Some(program), [major, minor, ..]) => {
                entry.join(program.replace("N.M", &format!("{major}.{minor}")))
            }
            (Some(program), _) => entry.join(program.replace("N.M", "3")),
        };
        found.into_iter().map(program).collect()
    }
}

/// The places of a system, as `std::env::consts::OS` names it, the likeliest first. Its folders begin at `root`.
pub fn places(system: &str, root: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Vec<Place> {
    let windows = system == "windows";
    let named = |name: &str, rest: &str| {
        let mut folder = PathBuf::from(variable(name)?);
        folder.extend(Path::new(rest)); // each part of its own, with Windows' separator there
        Some(folder)
    };
    let home = |rest: &str| named(if windows { "USERPROFILE" } else { "HOME" }, rest);
    let data = if windows {
        named("APPDATA", "")
    } else {
        named("XDG_DATA_HOME", "").or_else(|| home(".local/share"))
    };
    let uv = named("UV_PYTHON_INSTALL_DIR", "").or(data.map(|data| data.join("uv").join("python")));
    let pyenv = if windows { ".pyenv/pyenv-win" } else { ".pyenv" };
    let pyenv = named("PYENV_ROOT", "").or_else(|| home(pyenv));
    let framework = |above: &str, name: &str| {
        Some(root.join(format!("{above}Library/Frameworks/{name}.framework/Versions")))
    };
    let mut all = match system {
        "windows" => vec![
            (named("LOCALAPPDATA", "Programs/Python"), "Python"), // python.org's, for one user
            (named("LOCALAPPDATA", "Python"), "pythoncore-"),     // its install manager's
            (named("ProgramFiles", ""), "Python"),                // for all users
            (Some(root.into()), "Python"),
        ],
        "macos" => vec![
            (framework("", "Python"), ""), // python.org's
            (Some(root.join("opt/homebrew/opt")), "python@"),
            (Some(root.join("usr/local/opt")), "python@"), // Homebrew's on an Intel processor
            (framework("opt/local/", "Python"), ""),       // MacPorts'
            (framework("Library/Developer/CommandLineTools/", "Python3"), ""), // Apple's
            (
                framework("Applications/Xcode.app/Contents/Developer/", "Python3"),
                "",
            ),
        ],
        _ => Vec::new(),
    };
    all.extend([(uv, "cpython-"), (pyenv.map(|pyenv| pyenv.join("versions")), "")]);
    let program = if windows { "python.exe" } else { "bin/pythonN.M" };
    let place = |folder: Option<PathBuf>, prefix, program| {
        folder.map(|folder| Place {
            folder,
            prefix,
            program,
        })
    };
    let mut places: Vec<_> = all
        .into_iter()
        .filter_map(|(folder, prefix)| place(folder, prefix, Some(program)))
        .collect();
    if windows {
        // last: one that is not installed leads to the Store
        places.extend(place(
            named("LOCALAPPDATA", "Microsoft/WindowsApps"),
            "python",
            None,
        ));
    }
    places
}

/// The programs that installers have entered into the registry of Windows (PEP 514): those of python.org, conda, uv, the Store.
pub fn registered(wanted: &Version, scratch: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if !cfg!(windows) {
        return found;
    }
    let system = std::env::var_os("SystemRoot").unwrap_or(r"C:\Windows".into());
    for hive in ["HKCU", "HKLM"] {
        // What `reg query` prints is in the console's code page, which lacks letters; a file that it exports is UTF-16.
        let file = scratch.join(format!("registry-{}-{hive}.reg", std::process::id()));
        let exported = Command::new(Path::new(&system).join(r"System32\reg.exe"))
            .args(["export", &format!(r"{hive}\Software\Python")])
            .arg(&file)
            .arg("/y")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if exported.is_ok_and(|status| status.success()) {
            let bytes = std::fs::read(&file).unwrap_or_default();
            let units = bytes
                .chunks_exact(2)
                .map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
            let text: String = char::decode_utf16(units)
                .map(|c| c.unwrap_or('\u{fffd}'))
                .collect();
            found.extend(executables(&text, wanted));
        }
        let _ = std::fs::remove_file(&file); // the next export would replace it
    }
    found
}

/// The programs in what `reg export` wrote. A key `...\COMPANY\TAG\InstallPath` has the program, or the folder alone.
fn executables(text: &str, wanted: &Version) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for key in text.split("\n[").skip(1) {
        let mut lines = key.lines();
        let path: Vec<_> = lines.next().unwrap_or_default().rsplit('\\').collect();
        let [end, tag, ..] = path[..] else { continue };
        let version = Version::in_name(tag.trim_start_matches(char::is_alphabetic));
        if end != "InstallPath]" || version.is_some_and(|version| !version.fits(wanted)) {
            continue;
        }
        let value = |name: &str| {
            let text = lines
                .clone()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'));
            text.map(|text| text.replace(r"\\", r"\"))
        };
        let folder = || Some(format!(r"{}\python.exe", value("@")?.trim_end_matches('\\')));
        found.extend(value("\"ExecutablePath\"").or_else(folder).map(PathBuf::from));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    /// What a system with these files has of 3.12, relative to its root. Variables are below that, too.
    fn found(system: &str, variables: &[(&str, &str)], files: &[&str]) -> Vec<String> {
        let scratch = Scratch::new();
        for file in files {
            scratch.file(file, b"");
        }
        let variable = |name: &str| {
            let (_, folder) = variables.iter().find(|(known, _)| *known == name)?;
            Some(scratch.path().join(folder).into_os_string())
        };
        let wanted = Version::parse("3.12").unwrap();
        places(system, scratch.path(), variable)
            .iter()
            .flat_map(|place| place.programs(&wanted))
            .map(|program| {
                program
                    .strip_prefix(scratch.path())
                    .unwrap()
                    .display()
                    .to_string()
                    .replace('\\', "/")
            })
            .collect()
    }

    #[test]
    fn what_windows_has_is_found_in_this_order() {
        let programs = [
            "Users/Jörg Müller/AppData/Local/Programs/Python/Python312/python.exe",
            "Users/Jörg Müller/AppData/Local/Python/pythoncore-3.12-64/python.exe",
            "Program Files/Python312/python.exe",
            "Python312/python.exe",
            "Users/Jörg Müller/AppData/Roaming/uv/python/cpython-3.12.10-windows-x86_64-none/python.exe",
            "Users/Jörg Müller/AppData/Roaming/uv/python/cpython-3.12.9-windows-x86_64-none/python.exe",
            "Users/Jörg Müller/.pyenv/pyenv-win/versions/3.12.4/python.exe",
            "Users/Jörg Müller/AppData/Local/Microsoft/WindowsApps/python3.12.exe",
        ];
        let others = [
            "Python313/python.exe",
            "Users/Jörg Müller/AppData/Local/Microsoft/WindowsApps/python3.11.exe",
            "Users/Jörg Müller/AppData/Roaming/uv/python/cpython-3.12.3+freethreaded-windows-x86_64-none/python.exe",
            "Users/Jörg Müller/AppData/Roaming/uv/python/pypy-3.11.9-windows-x86_64-none/python.exe",
        ];
        let variables = [
            ("LOCALAPPDATA", "Users/Jörg Müller/AppData/Local"),
            ("APPDATA", "Users/Jörg Müller/AppData/Roaming"),
            ("USERPROFILE", "Users/Jörg Müller"),
            ("ProgramFiles", "Program Files"),
        ];
        assert_eq!(
            found("windows", &variables, &[&programs[..], &others].concat()),
            programs
        );
        assert_eq!(found("windows", &[], &programs), ["Python312/python.exe"]);
    }

    #[test]
    fn what_macos_has_is_found_in_this_order() {
        let programs = [
            "Library/Frameworks/Python.framework/Versions/3.12/bin/python3.12",
            "opt/homebrew/opt/python@3.12/bin/python3.12",
            "usr/local/opt/python@3.12/bin/python3.12",
            "opt/local/Library/Frameworks/Python.framework/Versions/3.12/bin/python3.12",
            "Library/Developer/CommandLineTools/Library/Frameworks/Python3.framework/Versions/3.12/bin/python3.12",
            "Applications/Xcode.app/Contents/Developer/Library/Frameworks/Python3.framework/Versions/3.12/bin/python3.12",
            "Users/me/.local/share/uv/python/cpython-3.12.8-macos-aarch64-none/bin/python3.12",
            "Users/me/.pyenv/versions/3.12.4/bin/python3.12",
        ];
        let others = [
            "Library/Frameworks/Python.framework/Versions/Current/bin/python3.12",
            "opt/homebrew/opt/python@3.13/bin/python3.13",
            "Users/me/.pyenv/versions/3.12t/bin/python3.12",
        ];
        let all = [&programs[..], &others].concat();
        assert_eq!(found("macos", &[("HOME", "Users/me")], &all), programs);
    }

    #[test]
    fn what_linux_has_is_found_where_the_variables_say() {
        let files = [
            "data/uv/python/cpython-3.12.8-linux-x86_64-gnu/bin/python3.12",
            "me/.local/share/uv/python/cpython-3.12.8-linux-x86_64-gnu/bin/python3.12",
            "uv/cpython-3.12.8-linux-x86_64-gnu/bin/python3.12",
            "me/.pyenv/versions/3.12.4/bin/python3.12",
            "pyenv/versions/3.12.4/bin/python3.12",
        ];
        let home = ("HOME", "me");
        assert_eq!(found("linux", &[home], &files), [files[1], files[3]]);
        assert_eq!(
            found("linux", &[home, ("XDG_DATA_HOME", "data")], &files),
            [files[0], files[3]]
        );
        let moved = [
            home,
            ("XDG_DATA_HOME", "data"),
            ("UV_PYTHON_INSTALL_DIR", "uv"),
            ("PYENV_ROOT", "pyenv"),
        ];
        assert_eq!(found("linux", &moved, &files), [files[2], files[4]]);
    }

    #[test]
    fn what_installers_entered_into_the_registry_is_read() {
        let text = concat!(
            "\u{feff}Windows Registry Editor Version 5.00\r\n\r\n",
            "[HKEY_CURRENT_USER\\Software\\Python]\r\n\r\n",
            "[HKEY_CURRENT_USER\\Software\\Python\\Astral\\CPython3.12.10]\r\n",
            "\"DisplayName\"=\"CPython 3.12.10 (64-bit)\"\r\n\"SysVersion\"=\"3.12\"\r\n\r\n",
            "[HKEY_CURRENT_USER\\Software\\Python\\Astral\\CPython3.12.10\\InstallPath]\r\n",
            "@=\"C:\\\\Users\\\\J\u{f6}rg\\\\uv\\\\cpython-3.12.10\"\r\n",
            "\"ExecutablePath\"=\"C:\\\\Users\\\\J\u{f6}rg\\\\uv\\\\cpython-3.12.10\\\\python.exe\"\r\n\r\n",
            "[HKEY_CURRENT_USER\\Software\\Python\\ContinuumAnalytics\\Anaconda39-64\\InstallPath]\r\n",
            "@=\"C:\\\\conda\"\r\n\r\n",
            "[HKEY_CURRENT_USER\\Software\\Python\\PyLauncher]\r\n@=\"C:\\\\Windows\\\\py.exe\"\r\n\r\n",
            "[HKEY_CURRENT_USER\\Software\\Python\\PythonCore\\3.12\\InstallPath]\r\n",
            "@=\"D:\\\\Python 312\\\\\"\r\n\"WindowedExecutablePath\"=\"D:\\\\Python 312\\\\pythonw.exe\"\r\n\r\n",
            "[HKEY_CURRENT_USER\\Software\\Python\\PythonCore\\3.12\\PythonPath]\r\n@=\"D:\\\\Python 312\\\\Lib\"\r\n",
        );
        let found = |version| executables(text, &Version::parse(version).unwrap());
        let both = [
            r"C:\Users\Jörg\uv\cpython-3.12.10\python.exe",
            r"D:\Python 312\python.exe",
        ];
        assert_eq!(found("3.12"), both.map(PathBuf::from));
        assert_eq!(found("3.9"), [PathBuf::from(r"C:\conda\python.exe")]);
        assert_eq!(found("3.11"), <[PathBuf; 0]>::default());
    }
}
