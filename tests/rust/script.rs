// SPDX-License-Identifier: Apache-2.0
//! Our own Python files are kept compiled; one that is spoilt or of another Python is compiled again.

mod support;

use python4j_core::gil;
use python4j_core::interpreter::{self, Config};
use std::fs;
use support::{repr, run};

#[test]
fn compiled_files_are_kept_and_spoilt_ones_replaced() {
    let folder = std::env::temp_dir().join(format!("python4j-script-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    interpreter::start(&Config {
        program: std::env::var("PYTHON4J_TEST_PYTHON").expect("set by `./gradlew cargoTest`"),
        compiled: folder.display().to_string(),
        initialize: true,
        release: true,
        ..Config::default()
    })
    .expect("CPython starts");
    let kept = || {
        let mut names: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let [bootstrap] = &kept()[..] else {
        panic!("{:?}", kept())
    };
    let magic = gil::with(|py| {
        run(py, "import importlib.util").unwrap();
        repr(py, "importlib.util.MAGIC_NUMBER.hex()")
    });
    assert_eq!(*bootstrap, format!("bootstrap.{}.pyc", magic.trim_matches('\'')));

    // A file that another process spoilt is no obstacle: output.py stands in for any.
    let output = folder.join(bootstrap.replace("bootstrap", "output"));
    let mut spoilt = fs::read(folder.join(bootstrap)).unwrap();
    spoilt.truncate(20);
    fs::write(&output, &spoilt).unwrap();
    gil::with(|py| {
        let redirect = python4j_core::script::tool(py, "output", "redirect");
        assert!(redirect.is_ok(), "{redirect:?}");
    });
    assert!(
        fs::metadata(&output).unwrap().len() > 20,
        "it was compiled and kept again"
    );
    let ending = bootstrap.trim_start_matches("bootstrap");
    assert!(
        kept().iter().all(|name| name.ends_with(ending)),
        "nothing was left aside: {:?}",
        kept()
    );
    fs::remove_dir_all(&folder).unwrap();
}
