// SPDX-License-Identifier: Apache-2.0
//! `Native.java` and `exports.rs` list the same functions in the same order, with the same number
//! of arguments: a name that only one of them has would fail at its first call, at the user's.

fn file(path: &str) -> String {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn arguments(list: &str) -> usize {
    list.split(',').filter(|a| !a.trim().is_empty()).count()
}

/// `name(arguments` of everything that follows `marker`.
fn functions(text: &str, marker: &str) -> Vec<(String, usize)> {
    text.split(marker)
        .skip(1)
        .map(|rest| {
            let (head, rest) = rest.split_once('(').expect("a signature");
            let (list, _) = rest.split_once(')').expect("a closed signature");
            let name = head.split_whitespace().last().expect("a name");
            (name.to_string(), arguments(list))
        })
        .collect()
}

#[test]
fn java_and_rust_have_the_same_table() {
    let java = functions(
        &file("java/core/src/main/java/org/nd4j/python4j/internal/jni/Native.java"),
        "static native ",
    );
    let rust: Vec<_> = functions(&file("rust/jni/src/exports.rs"), "export! {\n    fn ")
        .into_iter()
        .map(|(name, arguments)| (name, arguments - 1)) // less env
        .collect();
    assert!(java.len() > 20, "{java:?}");
    assert_eq!(java, rust);
}
