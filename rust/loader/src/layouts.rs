// SPDX-License-Identifier: Apache-2.0
//! Tests: where Windows, macOS and the installers of others have a CPython and its shared library. `ask.py` is run with what
//! `sysconfig` says there, and the first place that it leads to and that has a file there must be the library.
//!
//! The values for Homebrew, Xcode and pyenv's framework were reported by users of those. The others follow CPython's
//! `sysconfig` and the documentation of each installer.

use crate::ask::{Answer, SCRIPT};
use crate::find::places;
use std::process::Command;

struct Layout {
    name: &'static str,
    version: [u32; 3],
    executable: &'static str,
    base_prefix: &'static str,
    variables: &'static [(&'static str, &'static str)],
    /// The files there that may be taken for the library.
    files: &'static [&'static str],
    library: &'static str,
}

const XCODE: &str =
    "/Applications/Xcode_16.4.0.app/Contents/Developer/Library/Frameworks/Python3.framework/Versions/3.9";

const LAYOUTS: [Layout; 15] = [
    Layout {
        name: "Linux, uv's, which was built in a folder that is not there, and whose program needs no library",
        version: [3, 13, 1],
        executable: "/home/me/.local/share/uv/python/cpython-3.13.1-linux-x86_64-gnu/bin/python3.13",
        base_prefix: "/home/me/.local/share/uv/python/cpython-3.13.1-linux-x86_64-gnu",
        variables: &[
            ("LIBDIR", "/install/lib"),
            ("MULTIARCH", "x86_64-linux-gnu"),
            ("LDLIBRARY", "libpython3.13.so"),
            ("INSTSONAME", "libpython3.13.so.1.0"),
        ],
        files: &[
            "/home/me/.local/share/uv/python/cpython-3.13.1-linux-x86_64-gnu/lib/libpython3.13.so",
            "/home/me/.local/share/uv/python/cpython-3.13.1-linux-x86_64-gnu/lib/libpython3.13.so.1.0",
            "/usr/lib/x86_64-linux-gnu/libpython3.13.so.1.0",
        ],
        library: "/home/me/.local/share/uv/python/cpython-3.13.1-linux-x86_64-gnu/lib/libpython3.13.so.1.0",
    },
    Layout {
        name: "Linux, an environment of conda, which says that it is built with an archive",
        version: [3, 11, 9],
        executable: "/home/me/miniconda3/envs/analysis/bin/python3.11",
        base_prefix: "/home/me/miniconda3/envs/analysis",
        variables: &[
            ("LIBDIR", "/home/me/miniconda3/envs/analysis/lib"),
            ("LDLIBRARY", "libpython3.11.a"),
            ("INSTSONAME", "libpython3.11.a"),
        ],
        files: &[
            "/home/me/miniconda3/envs/analysis/lib/libpython3.11.so.1.0",
            "/home/me/miniconda3/lib/libpython3.11.so.1.0",
        ],
        library: "/home/me/miniconda3/envs/analysis/lib/libpython3.11.so.1.0",
    },
    Layout {
        name: "macOS, the installer of python.org",
        version: [3, 12, 8],
        executable: "/Library/Frameworks/Python.framework/Versions/3.12/bin/python3.12",
        base_prefix: "/Library/Frameworks/Python.framework/Versions/3.12",
        variables: &[
            ("LIBDIR", "/Library/Frameworks/Python.framework/Versions/3.12/lib"),
            (
                "LIBPL",
                "/Library/Frameworks/Python.framework/Versions/3.12/lib/python3.12/config-3.12-darwin",
            ),
            ("PYTHONFRAMEWORK", "Python"),
            ("PYTHONFRAMEWORKPREFIX", "/Library/Frameworks"),
            ("INSTSONAME", "Python.framework/Versions/3.12/Python"),
            ("LDLIBRARY", "Python.framework/Versions/3.12/Python"),
        ],
        files: &[
            "/Library/Frameworks/Python.framework/Versions/3.12/Python",
            "/Library/Frameworks/Python.framework/Versions/3.12/lib/libpython3.12.dylib",
        ],
        library: "/Library/Frameworks/Python.framework/Versions/3.12/lib/libpython3.12.dylib",
    },
    Layout {
        name: "macOS, Homebrew on an Apple processor",
        version: [3, 9, 12],
        executable: "/opt/homebrew/opt/python@3.9/bin/python3.9",
        base_prefix: "/opt/homebrew/opt/python@3.9/Frameworks/Python.framework/Versions/3.9",
        variables: &[
            (
                "LIBDIR",
                "/opt/homebrew/opt/python@3.9/Frameworks/Python.framework/Versions/3.9/lib",
            ),
            ("PYTHONFRAMEWORK", "Python"),
            ("PYTHONFRAMEWORKPREFIX", "/opt/homebrew/opt/python@3.9/Frameworks"),
            ("INSTSONAME", "Python.framework/Versions/3.9/Python"),
            ("LDLIBRARY", "Python.framework/Versions/3.9/Python"),
        ],
        files: &["/opt/homebrew/opt/python@3.9/Frameworks/Python.framework/Versions/3.9/Python"],
        library: "/opt/homebrew/opt/python@3.9/Frameworks/Python.framework/Versions/3.9/Python",
    },
    Layout {
        name: "macOS, Homebrew on an Intel processor",
        version: [3, 9, 4],
        executable: "/usr/local/opt/python@3.9/bin/python3.9",
        base_prefix: "/usr/local/opt/python@3.9/Frameworks/Python.framework/Versions/3.9",
        variables: &[
            (
                "LIBDIR",
                "/usr/local/opt/python@3.9/Frameworks/Python.framework/Versions/3.9/lib",
            ),
            ("PYTHONFRAMEWORK", "Python"),
            ("INSTSONAME", "Python.framework/Versions/3.9/Python"),
        ],
        files: &["/usr/local/opt/python@3.9/Frameworks/Python.framework/Versions/3.9/lib/libpython3.9.dylib"],
        library: "/usr/local/opt/python@3.9/Frameworks/Python.framework/Versions/3.9/lib/libpython3.9.dylib",
    },
    Layout {
        name: "macOS, an Xcode under another name than the one it was built for, which is there, too",
        version: [3, 9, 6],
        executable: "/Applications/Xcode_16.4.0.app/Contents/Developer/usr/bin/python3",
        base_prefix: XCODE,
        variables: &[
            (
                "LIBDIR",
                "/Applications/Xcode.app/Contents/Developer/Library/Frameworks/Python3.framework/Versions/3.9/lib",
            ),
            ("PYTHONFRAMEWORK", "Python3"),
            (
                "PYTHONFRAMEWORKPREFIX",
                "/Applications/Xcode.app/Contents/Developer/Library/Frameworks",
            ),
            ("LDLIBRARY", "Python3.framework/Versions/3.9/Python3"),
        ],
        files: &[
            "/Applications/Xcode.app/Contents/Developer/Library/Frameworks/Python3.framework/Versions/3.9/Python3",
            "/Applications/Xcode_16.4.0.app/Contents/Developer/Library/Frameworks/Python3.framework/Versions/3.9/Python3",
        ],
        library: "/Applications/Xcode_16.4.0.app/Contents/Developer/Library/Frameworks/Python3.framework/Versions/3.9/Python3",
    },
    Layout {
        name: "macOS, a framework of pyenv's, whose LIBDIR is not there",
        version: [3, 9, 6],
        executable: "/Users/me/.pyenv/versions/3.9.6/Library/Frameworks/Python.framework/Versions/3.9/bin/python3.9",
        base_prefix: "/Users/me/.pyenv/versions/3.9.6/Library/Frameworks/Python.framework/Versions/3.9",
        variables: &[
            ("LIBDIR", "/Users/me/.pyenv/versions/3.9.6/lib"),
            ("PYTHONFRAMEWORK", "Python"),
        ],
        files: &["/Users/me/.pyenv/versions/3.9.6/Library/Frameworks/Python.framework/Versions/3.9/Python"],
        library: "/Users/me/.pyenv/versions/3.9.6/Library/Frameworks/Python.framework/Versions/3.9/Python",
    },
    Layout {
        name: "macOS, uv's, built in a folder that is not there",
        version: [3, 13, 1],
        executable: "/Users/me/.local/share/uv/python/cpython-3.13.1-macos-aarch64-none/bin/python3.13",
        base_prefix: "/Users/me/.local/share/uv/python/cpython-3.13.1-macos-aarch64-none",
        variables: &[
            ("LIBDIR", "/install/lib"),
            ("LDLIBRARY", "libpython3.13.dylib"),
            ("INSTSONAME", "libpython3.13.dylib"),
        ],
        files: &[
            "/Users/me/.local/share/uv/python/cpython-3.13.1-macos-aarch64-none/lib/libpython3.13.dylib",
        ],
        library: "/Users/me/.local/share/uv/python/cpython-3.13.1-macos-aarch64-none/lib/libpython3.13.dylib",
    },
    Layout {
        name: "macOS, conda's, which says that it is built with an archive",
        version: [3, 11, 9],
        executable: "/Users/me/miniconda3/bin/python",
        base_prefix: "/Users/me/miniconda3",
        variables: &[
            ("LIBDIR", "/Users/me/miniconda3/lib"),
            ("LDLIBRARY", "libpython3.11.a"),
        ],
        files: &[
            "/Users/me/miniconda3/lib/libpython3.11.a",
            "/Users/me/miniconda3/lib/libpython3.11.dylib",
        ],
        library: "/Users/me/miniconda3/lib/libpython3.11.dylib",
    },
    Layout {
        name: "Windows, the installer of python.org, for a user with a space and an umlaut",
        version: [3, 12, 8],
        executable: r"C:\Users\Jörg Müller\AppData\Local\Programs\Python\Python312\python.exe",
        base_prefix: r"C:\Users\Jörg Müller\AppData\Local\Programs\Python\Python312",
        variables: &[
            (
                "BINDIR",
                r"C:\Users\Jörg Müller\AppData\Local\Programs\Python\Python312",
            ),
            ("VERSION", "312"),
        ],
        files: &[
            r"C:\Users\Jörg Müller\AppData\Local\Programs\Python\Python312\python3.dll",
            r"C:\Users\Jörg Müller\AppData\Local\Programs\Python\Python312\python312.dll",
        ],
        library: r"C:\Users\Jörg Müller\AppData\Local\Programs\Python\Python312\python312.dll",
    },
    Layout {
        name: "Windows, a newer one, which names its library",
        version: [3, 14, 3],
        executable: r"D:\Program Files\Python314\python.exe",
        base_prefix: r"D:\Program Files\Python314",
        variables: &[
            ("LIBDIR", r"D:\Program Files\Python314\libs"),
            ("LDLIBRARY", "python314.dll"),
            ("LIBRARY", "python314.dll"),
        ],
        files: &[r"D:\Program Files\Python314\python314.dll"],
        library: r"D:\Program Files\Python314\python314.dll",
    },
    Layout {
        name: "Windows, the Store",
        version: [3, 11, 9],
        executable: r"C:\Users\me\AppData\Local\Microsoft\WindowsApps\PythonSoftwareFoundation.Python.3.11_qbz5n2kfra8p0\python.exe",
        base_prefix: r"C:\Program Files\WindowsApps\PythonSoftwareFoundation.Python.3.11_3.11.2544.0_x64__qbz5n2kfra8p0",
        variables: &[],
        files: &[
            r"C:\Program Files\WindowsApps\PythonSoftwareFoundation.Python.3.11_3.11.2544.0_x64__qbz5n2kfra8p0\python311.dll",
        ],
        library: r"C:\Program Files\WindowsApps\PythonSoftwareFoundation.Python.3.11_3.11.2544.0_x64__qbz5n2kfra8p0\python311.dll",
    },
    Layout {
        name: "Windows, a virtual environment, whose Scripts have the program and no library",
        version: [3, 10, 11],
        executable: r"E:\work\my project\.venv\Scripts\python.exe",
        base_prefix: r"C:\Python310",
        variables: &[],
        files: &[r"C:\Python310\python310.dll"],
        library: r"C:\Python310\python310.dll",
    },
    Layout {
        name: "Windows, an environment of conda",
        version: [3, 12, 7],
        executable: r"C:\Users\me\miniconda3\envs\analysis\python.exe",
        base_prefix: r"C:\Users\me\miniconda3\envs\analysis",
        variables: &[],
        files: &[
            r"C:\Users\me\miniconda3\python312.dll",
            r"C:\Users\me\miniconda3\envs\analysis\python312.dll",
        ],
        library: r"C:\Users\me\miniconda3\envs\analysis\python312.dll",
    },
    Layout {
        name: "Windows, uv's",
        version: [3, 13, 1],
        executable: r"C:\Users\me\AppData\Roaming\uv\python\cpython-3.13.1-windows-x86_64-none\python.exe",
        base_prefix: r"C:\Users\me\AppData\Roaming\uv\python\cpython-3.13.1-windows-x86_64-none",
        variables: &[("LDLIBRARY", "python313.dll")],
        files: &[r"C:\Users\me\AppData\Roaming\uv\python\cpython-3.13.1-windows-x86_64-none\python313.dll"],
        library: r"C:\Users\me\AppData\Roaming\uv\python\cpython-3.13.1-windows-x86_64-none\python313.dll",
    },
];

/// What `ask.py` says in an interpreter of this layout.
fn answer(layout: &Layout) -> Answer {
    let Layout {
        version,
        executable,
        base_prefix,
        ..
    } = layout;
    let paths = if base_prefix.contains('\\') {
        "ntpath"
    } else {
        "posixpath"
    };
    let variables: Vec<_> = layout
        .variables
        .iter()
        .map(|(name, value)| format!("{name:?}: {value:?}"))
        .collect();
    let there = format!(
        "import builtins, os, {paths}, sys, sysconfig\n\
         def no_file(*args, **kwargs): raise OSError('there is no /proc')\n\
         builtins.open = no_file\nos.path = {paths}\n\
         sysconfig.get_config_var = {{{}}}.get\n\
         sys.version_info = ({}, {}, {}, 'final', 0)\n\
         sys.executable, sys.prefix, sys.base_prefix, sys.path = {executable:?}, {base_prefix:?}, {base_prefix:?}, []\n",
        variables.join(", "),
        version[0],
        version[1],
        version[2],
    );
    let python = std::env::var("PYTHON4J_TEST_PYTHON").unwrap_or("python3".into());
    let asked = Command::new(python)
        .args(["-c", &(there + SCRIPT)])
        .output()
        .expect("an interpreter runs");
    let said = String::from_utf8(asked.stdout).expect("UTF-8");
    Answer::parse(&said).unwrap_or_else(|| {
        panic!(
            "{}: {said}{}",
            layout.name,
            String::from_utf8_lossy(&asked.stderr)
        )
    })
}

#[test]
fn the_library_of_each_layout_is_found() {
    for layout in &LAYOUTS {
        let answer = answer(layout);
        let plain = |path: String| path.replace('\\', "/").replace("//", "/");
        let files: Vec<_> = layout.files.iter().map(|file| plain((*file).into())).collect();
        let found = places(&answer)
            .into_iter()
            .map(|path| plain(path.display().to_string()))
            .find(|path| files.contains(path));
        assert_eq!(found, Some(plain(layout.library.into())), "{}", layout.name);
        assert_eq!(answer.get("executable"), layout.executable, "{}", layout.name);
    }
}
