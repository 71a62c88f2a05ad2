// SPDX-License-Identifier: Apache-2.0
//! Without memory a large value is a MemoryError, and the process lives on. Alone in its process, of which it takes the
//! memory away.
#![cfg(target_os = "linux")]

mod support;

use pyo3::prelude::*;
use python4j_core::pack::{Reader, Writer};
use python4j_core::{Result, context};
use support::{Request, python, repr, run};

/// The sizes are some times what is left.
const LEFT: usize = 16_000_000;

fn packed(py: Python<'_>, name: &str, whole: bool) -> Result<Vec<u8>> {
    let value = context::globals(py)?.get_item(name)?.expect("a variable");
    let mut writer = if whole {
        Writer::whole(py, 0)
    } else {
        Writer::new(py, 0)
    };
    writer.value(&value)?;
    Ok(writer.finish())
}

#[test]
fn a_value_that_memory_does_not_hold_is_a_memory_error() {
    python(|py| {
        run(
            py,
            "longs = list(range(10_000_000))\n\
             texts = ['t' * 100] * 800_000\n\
             long_texts = ['t' * 1000] * 80_000\n\
             mixed = [1, 1.5] * 5_000_000\n\
             wide = '\\U0001F600' * 20_000_000\n\
             data = [b'b' * 80_000_000]\n\
             x = 1",
        )
        .unwrap();
        let request = |tag: u8, count: usize, byte: u8| {
            let mut request = Request::default().u8(tag).u32(count).0;
            request.resize(request.len() + count, byte);
            request
        };
        let (nothings, utf16) = (request(8, 10_000_000, 0), request(20, 80_000_000, 65));
        run(
            py,
            &format!(
                "import resource\n\
                 with open('/proc/self/statm') as f: used = int(f.read().split()[0]) * resource.getpagesize()\n\
                 before = resource.getrlimit(resource.RLIMIT_AS)\n\
                 resource.setrlimit(resource.RLIMIT_AS, (used + {LEFT}, before[1]))"
            ),
        )
        .unwrap();
        let mut said = Vec::new();
        for (name, whole) in [
            ("longs", false),
            ("texts", false),
            ("long_texts", false),
            ("mixed", false),
            ("wide", true),
            ("data", true),
        ] {
            said.push((name, packed(py, name, whole).map(drop)));
        }
        for (name, request) in [("nothings", &nothings), ("utf16", &utf16)] {
            said.push((name, Reader::new(request).value(py).map(drop)));
        }
        run(py, "resource.setrlimit(resource.RLIMIT_AS, before)").unwrap();
        for (name, result) in said {
            let error = result.expect_err(name).to_string();
            assert!(
                error.starts_with("MemoryError: There is no memory for "),
                "{name}: {error}"
            );
        }
        assert!(packed(py, "long_texts", false).is_ok());
        assert_eq!(repr(py, "x"), "1");
    });
}
