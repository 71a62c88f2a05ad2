// SPDX-License-Identifier: Apache-2.0
//! `Native.java` and `exports.rs` list the same functions in the same order, with the same types: what only one
//! of them has would fail at its first call, at the user's, and a wrong type would read a wrong register. The same
//! for the few functions of `NativeLoader.java` and the loader.

use std::collections::HashMap;

/// What the Rust half calls each type of the Java half.
const TYPES: [(&str, &str); 15] = [
    ("boolean", "bool"),
    ("int", "i32"),
    ("long", "i64"),
    ("void", ""),
    ("String", "JString"),
    ("String[]", "JObjectArray"),
    ("Object[]", "JObject"),
    ("byte[]", "JByteArray"),
    ("long[]", "JLongArray"),
    ("Object", "JObject"),
    ("Class<?>", "JObject"),
    ("Throwable", "JObject"),
    ("PackReader", "JObject"),
    ("Buffer", "JObject"),
    ("ByteBuffer", "JObject"),
];

/// A function's name, the types of its parameters and that of its result, in Rust's terms.
type Function = (String, Vec<String>, String);

fn file(path: &str) -> String {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// What stands between each occurrence of `marker` and the `end` that follows it.
fn signatures<'a>(text: &'a str, marker: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(marker)
        .skip(1)
        .map(move |rest| rest.split_once(end).expect("the end of a signature").0)
}

fn parameters(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|parameter| !parameter.is_empty())
}

/// `static native long name(long handle, byte[] name);`
fn java(signature: &str) -> Function {
    let types = HashMap::from(TYPES);
    let rust = |java: &str| match types.get(java.trim()) {
        Some(rust) => (*rust).to_string(),
        None => panic!("{signature}: say in this test what {java} is in Rust"),
    };
    let (head, list) = signature
        .trim_end_matches(')')
        .split_once('(')
        .expect("parameters");
    let (result, name) = head.trim().rsplit_once(' ').expect("a result and a name");
    let parameters =
        parameters(list).map(|parameter| rust(parameter.rsplit_once(' ').expect("a type and a name").0));
    (name.into(), parameters.collect(), rust(result))
}

/// `name(env, handle: i64, name: JByteArray<'local>) -> i64 `
fn rust(signature: &str) -> Function {
    let plain = |kind: &str| kind.trim().replace("<'local>", "");
    let (name, rest) = signature.split_once('(').expect("parameters");
    let (list, result) = rest.split_once(')').expect("the end of the parameters");
    let mut list = parameters(list);
    assert_eq!(list.next(), Some("env"), "{signature}");
    let parameters = list.map(|parameter| plain(parameter.split_once(':').expect("a name and a type").1));
    (
        name.trim().into(),
        parameters.collect(),
        plain(result.trim().trim_start_matches("->")),
    )
}

#[test]
fn java_and_rust_have_the_same_table() {
    let table = file("java/core/src/main/java/org/nd4j/python4j/internal/jni/Native.java");
    let exports = file("rust/jni/src/exports.rs");
    let java: Vec<_> = signatures(&table, "static native ", ";").map(java).collect();
    let rust: Vec<_> = signatures(&exports, "export! {\n    fn ", "{")
        .map(rust)
        .collect();
    assert!(java.len() > 20, "{java:?}");
    for (java, rust) in java.iter().zip(&rust) {
        assert_eq!(java, rust);
    }
    assert_eq!(java.len(), rust.len());
}

#[test]
fn java_and_the_loader_have_the_same_functions() {
    let table = file("java/core/src/main/java/org/nd4j/python4j/internal/start/NativeLoader.java");
    let exports = file("rust/loader/src/lib.rs").replace("<'_>", "");
    let types = |function: Function| {
        let (name, parameters, result) = function;
        let result = match result.as_str() {
            "JString" => "jstring".into(),
            "bool" => "jboolean".into(),
            other => panic!("{name}: say in this test what {other} is in the loader"),
        };
        (name, parameters, result)
    };
    let sorted = |mut functions: Vec<Function>| {
        functions.sort();
        functions
    };
    let java = signatures(&table, "static native ", ";")
        .map(java)
        .map(types)
        .collect();
    let loader = "fn Java_org_nd4j_python4j_internal_start_NativeLoader_";
    let rust = signatures(&exports, loader, "{").map(|signature| {
        let shorter = signature.replacen("mut env: JNIEnv", "env", 1);
        rust(&shorter.replacen("_class: JClass,", "", 1))
    });
    let rust: Vec<_> = rust.collect();
    assert!(rust.len() > 2, "{rust:?}");
    assert_eq!(sorted(java), sorted(rust));
}
