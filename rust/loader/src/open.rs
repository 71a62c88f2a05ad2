// SPDX-License-Identifier: Apache-2.0
//! Opens libpython for the whole process. A process has only one CPython: a second one is refused here, before
//! it can share symbols with the first.

use std::path::{Path, PathBuf};

/// Opens a libpython so that every library loaded later finds its symbols, for good.
///
/// Gives the file that Python runs from: the library itself, or another file if this process
/// already runs a Python that somebody else started (a `python` that embeds the JVM, say).
pub fn open(library: &Path) -> Result<PathBuf, String> {
    if let Some(running) = system::running() {
        return Ok(if same(&running, library) {
            library.to_owned()
        } else {
            running
        });
    }
    if let Some(other) = system::loaded()
        .into_iter()
        .find(|path| is_libpython(path) && !same(path, library))
    {
        return Err(format!(
            "another CPython is in this process already: {}, so {} cannot be opened beside it. One process holds \
             one CPython. If org.bytedeco.cpython loaded it, use Python4J before those classes, or choose the \
             same interpreter (-Dorg.eclipse.python4j.python=embedded)",
            other.display(),
            library.display()
        ));
    }
    system::open(library).map_err(|why| format!("{} cannot be opened: {why}", library.display()))?;
    Ok(library.to_owned())
}

/// Whether a file name is that of a CPython: `libpython3.12.so.1.0`, not `libpython3.so`, not
/// `libpython4j.so`. On macOS it may be a framework's: `Python.framework/Versions/3.12/Python`.
fn is_libpython(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    let rest = name.strip_prefix("lib").unwrap_or(name);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let framework = path.ancestors().nth(3).and_then(Path::file_name);
    if name.starts_with("Python") && framework.is_some_and(|folder| *folder == *format!("{name}.framework")) {
        return true;
    }
    match rest.strip_prefix("python").and_then(|rest| rest.split_once('.')) {
        Some((major, rest)) if name.starts_with("lib") => {
            digits(major) && rest.starts_with(|c: char| c.is_ascii_digit())
        }
        // python312.dll; python3.dll is only the stable part that forwards to it.
        Some((version, "dll")) => digits(version) && version.len() > 1,
        _ => false,
    }
}

fn same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

#[cfg(unix)]
mod system {
    use std::ffi::{CStr, CString, OsStr, c_int};
    use std::mem;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};

    fn path(text: &CStr) -> PathBuf {
        OsStr::from_bytes(text.to_bytes()).into()
    }

    pub fn open(library: &Path) -> Result<(), String> {
        let name = CString::new(library.as_os_str().as_bytes()).map_err(|e| e.to_string())?;
        // SAFETY: the name ends with a zero; the library's own start-up code is CPython's. The
        // handle is dropped on purpose: Python stays for the life of the process.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
        if handle.is_null() { Err(error()) } else { Ok(()) }
    }

    fn error() -> String {
        // SAFETY: dlerror gives null or a text that is valid until this thread's next dl call.
        let text = unsafe {
            let text = libc::dlerror();
            if text.is_null() {
                None
            } else {
                Some(CStr::from_ptr(text).to_string_lossy().into_owned())
            }
        };
        text.unwrap_or_else(|| "no reason given".into())
    }

    /// The file of a Python that is visible to everyone in this process and runs.
    pub fn running() -> Option<PathBuf> {
        // SAFETY: the names end with a zero. Where the symbol exists it is CPython's function
        // `int Py_IsInitialized(void)`, which may be called at any time; dladdr fills `info`
        // for an address inside a loaded file.
        unsafe {
            let symbol = libc::dlsym(libc::RTLD_DEFAULT, c"Py_IsInitialized".as_ptr());
            if symbol.is_null() {
                return None;
            }
            let is_initialized: extern "C" fn() -> c_int = mem::transmute(symbol);
            let mut info: libc::Dl_info = mem::zeroed();
            if is_initialized() == 0 || libc::dladdr(symbol, &mut info) == 0 || info.dli_fname.is_null() {
                return None;
            }
            Some(path(CStr::from_ptr(info.dli_fname)))
        }
    }

    /// The files of all libraries in this process.
    #[cfg(target_os = "linux")]
    pub fn loaded() -> Vec<PathBuf> {
        unsafe extern "C" fn add(
            info: *mut libc::dl_phdr_info,
            _size: libc::size_t,
            paths: *mut std::ffi::c_void,
        ) -> c_int {
            // SAFETY: dl_iterate_phdr hands in a valid entry and the pointer given below.
            let (name, paths) = unsafe { ((*info).dlpi_name, &mut *paths.cast::<Vec<PathBuf>>()) };
            if !name.is_null() {
                // SAFETY: the entry's name ends with a zero.
                paths.push(path(unsafe { CStr::from_ptr(name) }));
            }
            0
        }
        let mut paths = Vec::<PathBuf>::new();
        // SAFETY: the callback has the right type, and `paths` outlives the call.
        unsafe { libc::dl_iterate_phdr(Some(add), std::ptr::from_mut(&mut paths).cast()) };
        paths
    }

    /// The files of all libraries in this process.
    #[cfg(target_os = "macos")]
    pub fn loaded() -> Vec<PathBuf> {
        unsafe extern "C" {
            fn _dyld_image_count() -> u32;
            fn _dyld_get_image_name(index: u32) -> *const std::ffi::c_char;
        }
        // SAFETY: an index past the end gives null; names end with a zero.
        unsafe {
            (0.._dyld_image_count())
                .map(|i| _dyld_get_image_name(i))
                .filter(|name| !name.is_null())
                .map(|name| path(CStr::from_ptr(name)))
                .collect()
        }
    }
}

#[cfg(windows)]
mod system {
    use crate::forward;
    use std::ffi::{OsString, c_void};
    use std::io::Error;
    use std::os::windows::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};
    use std::ptr;

    /// The library's own folder is searched for what it needs.
    const LOAD_WITH_ALTERED_SEARCH_PATH: u32 = 8;
    const FROM_ADDRESS_AND_NOT_COUNTED: u32 = 4 | 2;

    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn LoadLibraryExW(name: *const u16, file: *mut c_void, flags: u32) -> *mut c_void;
        fn GetModuleHandleExW(flags: u32, address: *const c_void, module: *mut *mut c_void) -> i32;
        fn GetModuleFileNameW(module: *mut c_void, name: *mut u16, size: u32) -> u32;
    }

    /// The DLL that forwards to CPython's is found by its name afterwards, since one of that name is loaded.
    pub fn open(library: &Path) -> Result<(), String> {
        load(library)?;
        let file = own_file()?;
        let folder = file
            .parent()
            .ok_or_else(|| format!("{} is in no folder", file.display()))?;
        load(&forward::write(library, folder)?)
    }

    fn load(library: &Path) -> Result<(), String> {
        let name: Vec<u16> = library.as_os_str().encode_wide().chain([0]).collect();
        // SAFETY: the name ends with a zero; what runs at the loading is the DLL's own start, CPython's.
        let module = unsafe { LoadLibraryExW(name.as_ptr(), ptr::null_mut(), LOAD_WITH_ALTERED_SEARCH_PATH) };
        if module.is_null() {
            Err(Error::last_os_error().to_string())
        } else {
            Ok(())
        }
    }

    /// The file of this library.
    fn own_file() -> Result<PathBuf, String> {
        let mut name = vec![0; 0x8000]; // longer than any path there
        // SAFETY: the address is one in this library, and the length is that of the memory given.
        let length = unsafe {
            let mut module = ptr::null_mut();
            match GetModuleHandleExW(
                FROM_ADDRESS_AND_NOT_COUNTED,
                (own_file as *const ()).cast(),
                &mut module,
            ) {
                0 => 0,
                _ => GetModuleFileNameW(module, name.as_mut_ptr(), name.len() as u32),
            }
        };
        match length {
            0 => Err(Error::last_os_error().to_string()),
            _ => Ok(OsString::from_wide(&name[..length as usize]).into()),
        }
    }

    /// Windows resolves libpython4j against the DLL's name, so a running Python needs no special
    /// care.
    pub fn running() -> Option<PathBuf> {
        None
    }

    /// Not asked for on Windows: two Pythons there do not share symbols.
    pub fn loaded() -> Vec<PathBuf> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_libpython_is_known_by_its_name() {
        for name in [
            "libpython3.12.so.1.0",
            "/x/libpython3.9.so",
            "libpython3.14.dylib",
            "python312.dll",
            "/Library/Frameworks/Python.framework/Versions/3.12/Python",
            "/Library/Developer/CommandLineTools/Library/Frameworks/Python3.framework/Versions/3.9/Python3",
        ] {
            assert!(is_libpython(Path::new(name)), "{name}");
        }
        for name in [
            "libpython3.so",
            "libpython4j.so",
            "libpython4j_loader.so",
            "python3.dll",
            "libjnipython.so",
            "/Library/Frameworks/Python.framework/Versions/3.12/Resources/Python.app/Contents/MacOS/Python",
            "/x/Python",
            "",
        ] {
            assert!(!is_libpython(Path::new(name)), "{name}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn libraries_of_this_process_are_seen() {
        assert!(
            system::loaded()
                .iter()
                .any(|path| path.to_string_lossy().contains("libc.so"))
        );
    }

    #[test]
    fn no_python_runs_in_this_test() {
        assert_eq!(system::running(), None);
    }

    #[cfg(unix)]
    #[test]
    fn the_reason_of_a_failure_is_the_systems_own() {
        let error = open(Path::new("/no/such/libpython3.12.so")).unwrap_err();
        assert!(
            error.contains("/no/such/libpython3.12.so cannot be opened"),
            "{error}"
        );
        assert!(
            error.contains("No such file") || error.contains("no such file"),
            "{error}"
        );
    }
}
