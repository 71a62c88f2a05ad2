// SPDX-License-Identifier: Apache-2.0
//! The modules of a crate use each other in one direction: no file can reach itself by the files that it uses.

use std::collections::{BTreeMap, BTreeSet};

/// For each module of the crate in a folder the modules of it that its code names: `crate::name`, or within `crate::{...}`.
fn uses(folder: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut texts = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect(folder) {
        let path = entry.expect(folder).path();
        if path.extension().is_some_and(|end| end == "rs") {
            let module = path.file_stem().expect("a name").to_string_lossy().into_owned();
            texts.insert(module, std::fs::read_to_string(&path).expect("a text"));
        }
    }
    texts.remove("lib");
    let modules: BTreeSet<_> = texts.keys().cloned().collect();
    let uses_of = |(module, text): (String, String)| {
        let code: Vec<_> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let mut used = names(&code.join("\n"));
        used.retain(|name| modules.contains(name));
        used.remove(&module);
        (module, used)
    };
    texts.into_iter().map(uses_of).collect()
}

fn names(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
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

fn check(folder: &str, least: usize, known: [(&str, &str); 2]) {
    let uses = uses(folder);
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
    check(folder, 20, [("gil", "handle"), ("handle", "error")]);
}

#[test]
fn no_module_of_the_jni_crate_uses_itself_by_others() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../jni/src");
    check(folder, 8, [("guard", "host"), ("boot", "watch")]);
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
        for entry in std::fs::read_dir(folder).expect(folder) {
            let path = entry.expect(folder).path();
            let file = path.file_stem().expect("a name").to_string_lossy().into_owned();
            if file == module || file == other || path.extension().is_none_or(|end| end != "rs") {
                continue;
            }
            let code = text(&file);
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
