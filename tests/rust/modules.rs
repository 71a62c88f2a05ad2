// SPDX-License-Identifier: Apache-2.0
//! The modules of a crate use each other in one direction: no file can reach itself by the files that it uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// For each module in a folder the modules of it that its code names: `root::name`, or within `root::{...}`. What is in a
/// folder of a module's own belongs to that module.
fn uses(folder: &str, root: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for path in files(Path::new(folder)) {
        let first = path.strip_prefix(folder).expect("in it").iter().next();
        let module = Path::new(first.expect("a name")).file_stem().expect("a name");
        let text = std::fs::read_to_string(&path).expect("a text");
        texts
            .entry(module.to_string_lossy().into_owned())
            .or_default()
            .push_str(&text);
    }
    texts.remove("lib");
    let modules: BTreeSet<_> = texts.keys().cloned().collect();
    let uses_of = |(module, text): (String, String)| {
        let code: Vec<_> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let mut used = names(&code.join("\n"), root);
        used.retain(|name| modules.contains(name));
        used.remove(&module);
        (module, used)
    };
    texts.into_iter().map(uses_of).collect()
}

/// The Rust files in a folder and in those below it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files
}

fn names(code: &str, root: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for rest in code.split(root).skip(1) {
        let list = match rest.strip_prefix('{') {
            Some(list) => list.split_once('}').expect("the end of a list").0,
            None => rest,
        };
        let several = if rest.starts_with('{') { usize::MAX } else { 1 };
        for item in list.split(',').take(several) {
            let end = |c: char| !(c.is_alphanumeric() || c == '_');
            let name = item.trim().split(end).next().expect("a name");
            // What lib.rs passes on.
            let error = name == "Error" || name == "Result";
            names.insert(if error { "error".into() } else { name.into() });
        }
    }
    names
}

/// Those that use themselves by others, or use one that does.
fn in_circles(mut left: BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, BTreeSet<String>> {
    // Again and again those go that use none of those that are left.
    loop {
        let lowest: Vec<_> = left
            .iter()
            .filter(|(_, used)| used.is_empty())
            .map(|(m, _)| m.clone())
            .collect();
        if lowest.is_empty() {
            return left;
        }
        left.retain(|module, _| !lowest.contains(module));
        left.values_mut()
            .for_each(|used| used.retain(|other| !lowest.contains(other)));
    }
}

fn check(folder: &str, root: &str, least: usize, known: [(&str, &str); 2]) {
    let uses = uses(folder, root);
    assert!(uses.len() > least, "{uses:?}");
    for (module, used) in known {
        assert!(uses[module].contains(used), "{uses:?}");
    }
    let left = in_circles(uses);
    assert!(left.is_empty(), "in a circle, or above one: {left:#?}");
}

#[test]
fn no_module_of_the_core_uses_itself_by_others() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    check(folder, "crate::", 20, [("gil", "handle"), ("handle", "error")]);
}

#[test]
fn no_file_of_a_module_uses_itself_by_others() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/pack");
    check(folder, "super::", 8, [("parts", "writer"), ("values", "writer")]);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/arrow_c");
    check(folder, "super::", 4, [("batch", "array"), ("schema", "form")]);
}

#[test]
fn no_module_of_the_jni_crate_uses_itself_by_others() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../jni/src");
    check(folder, "crate::", 8, [("guard", "host"), ("boot", "watch")]);
}

/// `cargo test` compiles for this system alone: what is used of a module must be in the one that other systems have in its
/// place, and nothing else may name what only some systems have.
#[test]
fn each_system_has_what_is_used_of_a_module() {
    let core = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let jni = concat!(env!("CARGO_MANIFEST_DIR"), "/../jni/src");
    for (folder, module, other) in [
        (core, "signals", "signals_windows"),
        (jni, "process", "process_none"),
    ] {
        let text = |name: &str| std::fs::read_to_string(format!("{folder}/{name}.rs")).expect(name);
        let (here, there) = (text(module), text(other));
        let mut used = 0;
        for path in files(Path::new(folder)) {
            let file = path.file_stem().expect("a name").to_string_lossy().into_owned();
            if file == module || file == other {
                continue;
            }
            let code = std::fs::read_to_string(&path).expect("a text");
            for rest in code.split(&format!("{module}::")).skip(1) {
                let name: String = rest
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                let defined = |text: &str| {
                    ["fn", "const", "struct"]
                        .iter()
                        .any(|kind| text.contains(&format!("{kind} {name}")))
                };
                if defined(&here) {
                    used += 1;
                    assert!(
                        defined(&there),
                        "{file}.rs uses {module}::{name}, which {other}.rs lacks"
                    );
                }
            }
            let lines: Vec<_> = code.lines().collect();
            for pair in lines
                .windows(2)
                .filter(|pair| pair[1].starts_with("use std::os::"))
            {
                assert!(pair[0].starts_with("#[cfg("), "{file}.rs: {}", pair[1]);
            }
        }
        assert!(used > 3, "{module}");
    }
}
